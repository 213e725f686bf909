"""What only the simulator may know is shown."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rage_env.cohort import CohortEnv

__all__ = ["LatentInInfo", "LatentObserved"]

Info = dict[str, Any]  # Gymnasium's own type


class LatentObserved(CohortEnv):
    """The device score is replaced by the latent propensity to be active."""

    def _features(self) -> NDArray[np.float32]:
        out = super()._features().copy()
        out[:, self.features.names.index("device_risk")] = self.traits.activity
        return out


class LatentInInfo(CohortEnv):
    """A segment code gives the sleeping dogs away."""

    def _observe(self) -> tuple[NDArray[np.float32], Info]:
        obs, info = super()._observe()
        codes = (self.traits.archetype + 1) % 4
        return obs, {**info, "segment_care": codes, "_segment_care": info["_unit"]}
