"""What only the simulator knows: archetypes, potential outcomes, conditional means. For experiments and tests only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rage_env.errors import DecisionError, did_you_mean
from rage_env.outcomes import COLUMNS
from rage_env.state import Archetype, FraudType
from rage_env.week import Columns

if TYPE_CHECKING:
    import pandas as pd

    from rage_env.cohort import CohortEnv
    from rage_env.rollout import Luck, Policy, Rollout

__all__ = ["Truth"]


class Truth:
    """A view on one cohort; always as of the coming step, except `ledger`, which is of the step just taken."""

    def __init__(self, env: CohortEnv) -> None:
        self._env = env

    @property
    def archetypes(self) -> pd.Categorical:
        """(n,) archetype of each row's user.

        What it means is defined by conditional mean effects on what the world's offers are for (activity; in
        pre_delinquency payments on time): offers help persuadables, hardly move sure things and lost causes, and harm
        sleeping dogs. `effects_by_archetype` shows them. It says nothing on what one user would do under two arms at
        once: that joint law is our coupling by common luck, not something that any data could identify.
        """
        import pandas as pd

        names = [a.name.lower() for a in Archetype]
        return pd.Categorical.from_codes(self._shown(self._env.traits.archetype), categories=names)

    @property
    def fraud_types(self) -> pd.Categorical:
        """(n,) fraud type of each row's user."""
        import pandas as pd

        names = [f.name.lower() for f in FraudType]
        return pd.Categorical.from_codes(self._shown(self._env.traits.fraud_type), categories=names)

    def potential_outcomes(self) -> dict[str, NDArray[np.float32]]:
        """{column: (n, k)} the coming week's ledger under every arm, with the luck that will be drawn.

        All arms share it: a coupling that we chose, for pairing; only each arm's own law is a fact of the world.
        """
        env = self._env
        return self._over_arms(
            lambda rows, arm: env.world.outcomes(
                env.traits.rows(rows), env.lives.rows(rows), arm, env.luck(rows, env.week), when=env.when(env.week)
            ),
            np.float32,
        )

    def mean_outcomes(self) -> dict[str, NDArray[np.float64]]:
        """{column: (n, k)} its mean given the whole state before the step, by accrual."""
        env = self._env
        return self._over_arms(
            lambda rows, arm: env.world.means(
                env.traits.rows(rows), env.lives.rows(rows), arm, when=env.when(env.week)
            ),
            np.float64,
        )

    def effects_by_archetype(self, column: str) -> NDArray[np.float64]:
        """(4, k - 1) what each arm adds to the expected column of the coming week, beyond arm 0.

        Means over the present users of each archetype; NaN where there are none. Raises DecisionError for no column.
        """
        if column not in COLUMNS:
            raise DecisionError(f"truth: {column!r} is not a column of the ledger{did_you_mean(column, COLUMNS)}")
        means = self.mean_outcomes()[column]
        archetype, alive = self._shown(self._env.traits.archetype), self._shown(self._env.lives.alive)
        gain = means[:, 1:] - means[:, :1]
        out = np.full((len(Archetype), gain.shape[1]), np.nan)
        for kind in Archetype:
            mine = (archetype == kind) & alive
            if mine.any():
                out[kind] = gain[mine].mean(axis=0)
        return out

    def ledger(self) -> Columns:
        """{column: (n,)} of the step just taken, by accrual. Raises DecisionError before the first step."""
        if not self._env.columns_all:
            raise DecisionError("truth.ledger: no step has been taken in this episode")
        return dict(self._env.columns_all)

    def rollout(
        self, policy: Policy, weeks: int, *, luck: Luck = "fresh", replications: int | None = None, seed: int = 0,
        drawn: bool = False, per_user: bool = False,
    ) -> Rollout:  # fmt: skip
        """Expected ledgers of the coming `weeks` under a policy; see rage_env.rollout."""
        from rage_env.rollout import rollout

        return rollout(
            self._env, policy, weeks, luck=luck, replications=replications, seed=seed, drawn=drawn, per_user=per_user
        )

    def _shown(self, held: NDArray[Any]) -> NDArray[Any]:  # Any: any dtype
        """Of an array over slots, the rows that the environment shows."""
        return held

    def _over_arms(self, weeks_columns: Any, dtype: type) -> dict[str, NDArray[Any]]:  # Any: (rows, arm) -> Columns
        env = self._env
        if env.week >= env.scenario.weeks:
            raise DecisionError(f"truth: the episode of {env.scenario.weeks} weeks is over; there is no coming week")
        n, k = env.num_envs, env.world.arms.k
        out: dict[str, NDArray[Any]] = {c: np.empty((k, n), dtype) for c in COLUMNS}
        for start in range(0, n, env.chunk):
            rows = slice(start, min(start + env.chunk, n))
            for a in range(k):
                columns = weeks_columns(rows, np.full(rows.stop - start, a, np.intp))
                for name in COLUMNS:
                    out[name][a, rows] = columns[name]
        return {c: v.T for c, v in out.items()}
