"""People who have left and are still counted."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rage_env.cohort import CohortEnv

__all__ = ["DepartedStillAct", "LeavesTwice"]

Info = dict[str, Any]  # Gymnasium's own type


class DepartedStillAct(CohortEnv):
    """Who has left still takes the arm that was asked."""

    def _checked(self, actions: NDArray[np.int64]) -> NDArray[np.intp]:
        super()._checked(actions)
        return actions.astype(np.intp)


class LeavesTwice(CohortEnv):
    """`terminated` stays true after a user has left."""

    def step(
        self, actions: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_], Info]:
        """Whoever is not there counts as leaving."""
        obs, reward, _, truncated, info = super().step(actions)
        return obs, reward, ~self.lives.alive, truncated, info
