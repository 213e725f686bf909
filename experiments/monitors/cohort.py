"""The closed cohort: one running total a unit, and the contrast of user means that KPI monitors test.

The unit of analysis is the user (or the account), never the user-week: weeks of one user hang together, and
every method we tried on user-weeks gave several times its nominal rate of false alarms.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from experiments.monitors.batch import Batch
from experiments.monitors.contrast import cuped
from experiments.monitors.interface import positive
from experiments.monitors.streams import MeanStream
from rage_env.errors import ConfigError, LogError

__all__ = ["ClosedCohort", "Mode"]

Floats = NDArray[np.float64]
Mode = Literal["paired", "groups"]


@dataclass(eq=False)
class ClosedCohort:
    """Totals of the units assigned in the first week, one row each in every week, the departed at 0.

    `paired`: values are differences to the paired life under control, all rows count. `groups`: rows of the
    `treatment` and `control` groups are compared, others are left out. cap: most a mean per week may count.
    """

    mode: Mode = "paired"
    treatment: int = 1
    control: int = 0
    cap: float | None = None
    unit: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))  # (n,)
    treated: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))  # (n,)
    total: Floats = field(default_factory=lambda: np.empty(0))  # (n,)
    covariate: Floats | None = None  # (n,)
    first_week: int = 0
    weeks: int = 0

    def __post_init__(self) -> None:
        if self.mode not in get_args(Mode):
            raise ConfigError(f"mode: must be one of {', '.join(get_args(Mode))}, got {self.mode!r}")
        if self.mode == "groups" and self.treatment == self.control:
            raise ConfigError(f"treatment: must differ from control, both are group {self.control}")
        if self.cap is not None:
            positive("cap", self.cap)

    @property
    def arms(self) -> NDArray[np.bool_] | None:
        """(n,) True for treated units; None where each unit is its own control."""
        return None if self.mode == "paired" else self.treated

    @property
    def smallest_arm(self) -> int:
        """Units in the smaller group; all of them where pairs are compared."""
        return len(self.unit) if self.mode == "paired" else int(min(self.treated.sum(), (~self.treated).sum()))

    def add(self, batch: Batch) -> None:
        """Take in one week. Raises LogError naming unit and row; the totals are then as before."""
        mine = self._mine(batch)
        if self.weeks == 0:
            self._enrol(mine)
            return
        expected = self.first_week + self.weeks
        if batch.week != expected:
            raise LogError(
                f"week {batch.week} was fed where week {expected} comes next; a closed cohort has one batch a week, "
                "departed units at 0 (shards of one week go into monitors of their own, to be merged)"
            )
        rows = self._rows(mine)
        moved = np.flatnonzero((mine.groups()[rows] == self.treatment) != self.treated)
        if self.mode == "groups" and len(moved):
            raise LogError(
                f"batch of week {batch.week}: unit {self.unit[moved[0]]} is in two groups ({len(moved)} such units); "
                "groups are fixed by assignment and kept for good"
            )
        self.total = self.total + mine.value[rows]
        self.weeks += 1

    def means(self) -> Floats:
        """(n,) capped total per enrolled week."""
        mean = self.total / self.weeks
        return mean if self.cap is None else np.clip(mean, -self.cap, self.cap)

    def means_of(self, stream: MeanStream) -> tuple[Floats, NDArray[np.bool_] | None]:
        """(reps, weeks, m) capped means of the units compared, adjusted where there is a covariate, and their arms."""
        weekly, arms, covariate = stream.value, None, stream.covariate
        if stream.group is not None and self.mode == "groups":
            mine = (stream.group == self.treatment) | (stream.group == self.control)
            weekly, arms = weekly[..., mine], stream.group[mine] == self.treatment
            covariate = None if covariate is None else covariate[..., mine]
        means = np.cumsum(weekly, axis=1) / np.arange(1, weekly.shape[1] + 1)[:, None]
        means = means if self.cap is None else np.clip(means, -self.cap, self.cap)
        return cuped(means, None if covariate is None else covariate[:, None], arms), arms

    def merged(self, other: ClosedCohort) -> ClosedCohort:
        """Both shards as one cohort. Raises LogError where they share a unit or stand at different weeks."""
        shared = np.intersect1d(self.unit, other.unit)
        if len(shared):
            raise LogError(f"unit {shared[0]} is in both shards; every unit belongs to one shard")
        both = ClosedCohort(self.mode, self.treatment, self.control, self.cap)
        for name in ("unit", "treated", "total"):
            setattr(both, name, np.concatenate([getattr(self, name), getattr(other, name)]))
        if self.covariate is not None and other.covariate is not None:
            both.covariate = np.concatenate([self.covariate, other.covariate])
        both.first_week, both.weeks = self.first_week, self.weeks
        return both

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """State as plain arrays."""
        clock = np.array([self.first_week, self.weeks], np.int64)
        covariate = {} if self.covariate is None else {"covariate": self.covariate}
        return {"unit": self.unit, "treated": self.treated, "total": self.total, "clock": clock, **covariate}

    def restore(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Inverse of arrays."""
        self.unit, self.treated = arrays["unit"].astype(np.int64), arrays["treated"].astype(np.bool_)
        self.total = arrays["total"].astype(np.float64)
        self.covariate = arrays["covariate"].astype(np.float64) if "covariate" in arrays else None
        self.first_week, self.weeks = (int(x) for x in arrays["clock"].tolist())

    def _mine(self, batch: Batch) -> Batch:
        if self.mode == "paired":
            return batch
        codes = batch.groups()
        keep = (codes == self.treatment) | (codes == self.control)
        for code, name in ((self.treatment, "treatment"), (self.control, "control")):
            if (codes == code).sum() < 2:
                raise LogError(
                    f"batch of week {batch.week}: {name} group {code} has {int((codes == code).sum())} rows; "
                    f"at least 2 are needed (groups present: {np.unique(codes).tolist()})"
                )
        return batch if keep.all() else batch.where(keep)

    def _enrol(self, batch: Batch) -> None:
        first, second = _repeats(batch)
        if len(second):
            groups, row = batch.groups(), int(second[0])
            rule = "is in two groups" if groups[row] != groups[first[0]] else "has a second row"
            raise LogError(
                f"batch of week {batch.week}, row {row}: unit {batch.unit[row]} {rule}; "
                "a cohort holds one row a unit and week, in one group (sum the rows of an account first)"
            )
        if batch.n < 2:
            raise LogError(f"batch of week {batch.week}: one unit has no spread; at least 2 are needed")
        self.unit, self.treated = batch.unit.copy(), batch.groups() == self.treatment
        self.total, self.first_week, self.weeks = batch.value.copy(), batch.week, 1
        self.covariate = None if batch.covariate is None else batch.covariate.copy()

    def _rows(self, batch: Batch) -> NDArray[np.int64] | slice:
        """Where each enrolled unit stands in the batch."""
        if np.array_equal(batch.unit, self.unit):
            return slice(None)
        order = np.argsort(batch.unit, kind="stable")
        at = np.minimum(np.searchsorted(batch.unit[order], self.unit), batch.n - 1)
        missing = self.unit[batch.unit[order[at]] != self.unit]
        if len(missing):
            raise LogError(
                f"batch of week {batch.week}: unit {missing[0]} has no row ({len(missing)} such units); "
                "departed units keep their row at value 0, and a unit stays in its group"
            )
        extra = np.flatnonzero(~np.isin(batch.unit, self.unit))
        rules = (
            (extra, "was not enrolled in the first week; report newcomers apart"),
            (_repeats(batch)[1], "came twice"),
        )
        for rows, rule in rules:
            if len(rows):
                raise LogError(f"batch of week {batch.week}, row {rows[0]}: unit {batch.unit[rows[0]]} {rule}")
        return order[at]


def _repeats(batch: Batch) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows whose unit comes again, and the rows where it does."""
    order = np.argsort(batch.unit, kind="stable")
    again = np.diff(batch.unit[order]) == 0
    return order[:-1][again], order[1:][again]
