"""A truth that is not what is lived."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rage_env.cohort import CohortEnv
from rage_env.truth import Truth

__all__ = ["TruthOfAnotherWeek"]


class _LateTruth(Truth):
    def potential_outcomes(self) -> dict[str, NDArray[np.float32]]:
        env = self._env
        return self._over_arms(
            lambda rows, arm: env.world.outcomes(
                env.traits.rows(rows), env.lives.rows(rows), arm, env.luck(rows, env.week + 1), when=env.when(env.week)
            ),
            np.float32,
        )


class TruthOfAnotherWeek(CohortEnv):
    """Potential outcomes use next week's luck."""

    def __init__(self, *args: Any, **keywords: Any) -> None:  # Any: those of CohortEnv
        super().__init__(*args, **keywords)
        self.truth = _LateTruth(self)
