"""A coarse order of users by risk: which of them show signs of fraud or abuse, cut into strata once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from agents.beliefs.basis import with_one
from agents.beliefs.hazard import Hazard

__all__ = ["STRATA", "Risk"]

STRATA = 4
_CUTS = (0.5, 0.8, 0.95)
_SPARSE = 10  # one uneventful row in this many is enough for a logistic fit


class Risk:
    """Logistic score of eventful user-weeks; users are sorted into four strata by cuts that stay where they are."""

    def __init__(self, d: int) -> None:
        self.model = Hazard(np.concatenate([[0.01], np.full(d, 12.0)]), base_rate=0.002)
        self.cuts = np.full(len(_CUTS), np.inf)

    def fit(self, z: Sequence[NDArray[np.float32]], eventful: Sequence[NDArray[np.bool_]]) -> None:
        """From weeks of rows z (n, d) and flags (n,); the last week's scores set the cuts."""
        rows, flags, weights = [], [], []
        for zw, hit in zip(z, eventful, strict=True):
            keep = hit | (np.arange(len(hit)) % _SPARSE == 0)
            rows.append(zw[keep])
            flags.append(hit[keep].astype(np.float32))
            weights.append(np.where(hit[keep], 1.0, float(_SPARSE)).astype(np.float32))
        if not rows or not sum(int(f.sum()) for f in flags):
            return
        self.model.update(with_one(np.concatenate(rows)), np.concatenate(flags), np.concatenate(weights))
        if len(z[-1]):
            self.cuts = np.quantile(self.model.rate(with_one(z[-1])).astype(np.float64), _CUTS)

    def stratum(self, z: NDArray[np.float32]) -> NDArray[np.intp]:
        """(n,) codes 0 (least) to 3."""
        return np.searchsorted(self.cuts, self.model.rate(with_one(z)).astype(np.float64), side="left")

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """State as plain arrays."""
        return {**self.model.arrays(), "cuts": self.cuts}

    def restore(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Inverse of arrays."""
        self.model.restore(arrays)
        self.cuts = np.array(arrays["cuts"], dtype=np.float64)
