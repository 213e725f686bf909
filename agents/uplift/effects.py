"""Fitted effects of arms against arm 0: forests that were grown on different halves of the users, and their mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from agents.beliefs.trees import Forest

__all__ = ["LEAST_TREATED", "Effects"]

Floats = NDArray[np.float64]
LEAST_TREATED = 40
"""Rows of an arm below which its effect is not fitted."""


@dataclass(frozen=True, eq=False)
class Effects:
    """Fitted effects of arms 1..k-1. centre, average, stderr, slope: (k - 1,); centre is the mean prediction.

    An effect is average + slope * (predicted - mean prediction): slope, in [0, 1], is how much of the predicted
    spread is believed; 0 where trees found nothing but noise.
    """

    models: tuple[tuple[Forest, ...], ...]  # (k - 1) x halves; empty where an arm is too rare
    centre: Floats
    average: Floats
    stderr: Floats
    slope: Floats

    def predict(self, features: NDArray[np.float32], prior_sd: float = np.inf) -> Floats:
        """(n, k - 1) effects; averages are shrunk to 0 as under a prior of sd `prior_sd`."""
        out = np.zeros((len(features), len(self.models)))
        for j, halves in enumerate(self.models):
            if halves:
                kept = 1.0 if np.isinf(prior_sd) else prior_sd**2 / (prior_sd**2 + self.stderr[j] ** 2)
                out[:, j] = kept * self.average[j]
                if self.slope[j] > 0:
                    predicted = np.mean([m.predict(features) for m in halves], axis=0)
                    out[:, j] += self.slope[j] * (predicted - self.centre[j])
        return out

    def bounds(self, features: NDArray[np.float32], sds: float) -> tuple[Floats, Floats]:
        """Effects (n, k - 1), and `sds` standard deviations less; where nothing was fitted 0 and -inf.

        The variance of a mean of two complementary halves is a quarter of their squared difference; that of a user
        counts as much as the pooled one.
        """
        out, low = np.zeros((len(features), len(self.models))), np.full((len(features), len(self.models)), -np.inf)
        for j, halves in enumerate(self.models):
            if halves:
                each = np.stack([m.predict(features) for m in halves])
                apart = (each[::2] - each[1::2]) ** 2 / 4
                own = apart.mean(axis=0)
                out[:, j] = self.average[j] + self.slope[j] * (each.mean(axis=0) - self.centre[j])
                low[:, j] = out[:, j] - sds * np.sqrt(0.5 * own + 0.5 * (own.mean() if len(own) else 0.0))
        return out, low

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """State as plain arrays."""
        out: dict[str, NDArray[np.generic]] = {f: getattr(self, f) for f in _VECTORS}
        out["members"] = np.array([len(halves) for halves in self.models], np.int64)
        for j, halves in enumerate(self.models):
            for m, forest in enumerate(halves):
                out |= {f"{j}/{m}/{name}": held for name, held in forest.arrays().items()}
        return out

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[np.generic]], prefix: str = "") -> Self:
        """Inverse of arrays, from names under `prefix`."""
        models = tuple(
            tuple(Forest.of(arrays, f"{prefix}{j}/{m}/") for m in range(members))
            for j, members in enumerate(np.asarray(arrays[f"{prefix}members"]).tolist())
        )
        return cls(models, *(np.array(arrays[prefix + f], dtype=np.float64) for f in _VECTORS))


_VECTORS = ("centre", "average", "stderr", "slope")
