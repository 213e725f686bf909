"""SeatedCohort: a cohort without the slots that stay empty, for whoever counts people rather than slots.

Where users sit in accounts some slots never hold anybody. Here every row, of observations, actions, truth, ledger and
logs alike, is a user who was there at the start; lives are those of the same slots in a CohortEnv, bit for bit.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rage_env import hooks
from rage_env.cohort import CohortEnv
from rage_env.errors import ConfigError, DecisionError
from rage_env.log import WeekLog
from rage_env.scenario import Scenario
from rage_env.truth import Truth
from rage_env.week import Columns

__all__ = ["SeatedCohort", "cohort_for"]

Floats = NDArray[np.float32]
Info = dict[str, Any]  # Gymnasium's own type


def cohort_for(scenario: Scenario, slots: int, **keywords: Any) -> CohortEnv:  # Any: keywords of CohortEnv
    """A closed cohort in which every row is a user: the plain one where every slot holds somebody."""
    kind = SeatedCohort if hooks.grain(scenario.used) > 1 else CohortEnv
    return kind(slots, scenario, **keywords)


class _SeatedTruth(Truth):
    """The truth of the rows that are shown."""

    _env: SeatedCohort

    def ledger(self) -> Columns:
        return {c: self._shown(column) for c, column in super().ledger().items()}

    def _shown(self, held: NDArray[Any]) -> NDArray[Any]:  # Any: any dtype
        return held[self._env.seats]

    def _over_arms(self, weeks_columns: Any, dtype: type) -> dict[str, NDArray[Any]]:  # Any: as in Truth
        return {c: self._shown(both) for c, both in super()._over_arms(weeks_columns, dtype).items()}


class SeatedCohort(CohortEnv):
    """Takes all keywords of CohortEnv; `assigned` users are shown, of `num_envs` slots."""

    seats: NDArray[np.intp]  # (assigned,) slots that hold somebody, as places in this cohort

    def __init__(self, *args: Any, **keywords: Any) -> None:  # Any: those of CohortEnv
        super().__init__(*args, **keywords)
        if self.population == "open":
            raise ConfigError("SeatedCohort: newcomers would need rows of their own; use CohortEnv for 'open'")
        self.truth = _SeatedTruth(self)

    @property
    def assigned(self) -> int:
        """Users shown."""
        return len(self.seats)

    @property
    def shown(self) -> NDArray[np.intp]:
        """(assigned,) slots that hold somebody."""
        return self.seats

    def columns(self) -> dict[str, Floats]:
        """{immediate column: (assigned,)} of the week just lived."""
        return {c: column[self.seats] for c, column in super().columns().items()}

    def step(self, actions: NDArray[np.int64]) -> tuple[Floats, Floats, NDArray[np.bool_], NDArray[np.bool_], Info]:
        """Live one week under these arms, (assigned,)."""
        obs, reward, terminated, truncated, info = super().step(actions)
        return obs, reward[self.seats], terminated[self.seats], truncated[self.seats], info

    def _begin(self) -> None:
        super()._begin()
        self.seats = np.flatnonzero(self.lives.alive)
        self.burn_in_logs = [self._of_seats(log) for log in self.burn_in_logs]

    def _of_seats(self, log: WeekLog) -> WeekLog:
        rows = {f: getattr(log, f)[self.seats] for f in ("user_id", "unit", "present", "arm", "propensity", "features")}
        return replace(log, **rows, columns={c: column[self.seats] for c, column in log.columns.items()})

    def _observe(self) -> tuple[Floats, Info]:
        obs, info = super()._observe()
        return obs[self.seats], {name: held[self.seats] for name, held in info.items()}

    def _checked(self, actions: NDArray[np.int64]) -> NDArray[np.intp]:
        arm = np.asarray(actions)
        if arm.shape != self.seats.shape or arm.dtype.kind not in "iu":
            raise DecisionError(
                f"week {self.week}: actions must be ({self.assigned},) whole numbers, got {arm.dtype} {arm.shape}"
            )
        every = np.zeros(self.num_envs, np.int64)
        every[self.seats] = arm
        return super()._checked(every)
