"""What a user left alone does in a week: activity, transactions and GMV, by one ridge for all of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from agents.beliefs.basis import curves

__all__ = ["GMV", "VOLUMES", "Volumes"]

VOLUMES = ("active", "transactions", "gmv")
"""Outcomes under arm 0, in the order of the columns that `expected` returns."""

GMV = VOLUMES.index("gmv")

Floats32 = NDArray[np.float32]
_LEAST = 0.02  # of the mean: nobody is expected to do less


class Volumes:
    """Ridge on curves of the features. Remembers the Gram matrix, moments, and squared errors of GMV."""

    def __init__(self, d: int) -> None:
        p = 1 + 3 * d
        self.gram, self.moment = np.zeros((p, p)), np.zeros((p, len(VOLUMES)))
        self.error = np.array([1.0, 1.0])  # sum of squared scaled errors of GMV, count
        self._theta: Floats32 | None = None

    @property
    def mean(self) -> NDArray[np.float64]:
        """(3,) averages over the rows seen; 1 before any."""
        rows = self.gram[0, 0]
        return np.maximum(self.moment[0] / rows, 1e-6) if rows > 0 else np.ones(len(VOLUMES))

    def update(self, z: Floats32, columns: Mapping[str, Floats32]) -> None:
        """Take in users left alone: standardised features (n, d) and the week's immediate columns."""
        if not len(z):
            return
        x = curves(z)
        y = np.stack([columns[c] for c in VOLUMES], axis=1)
        self.gram += x.T @ x
        self.moment += x.T @ y
        self._theta = None
        expected = self._expected(x)[:, GMV].astype(np.float64)
        missed = (y[:, GMV] - expected) ** 2 / (expected * self.mean[GMV])
        self.error += np.array([float(missed.sum()), len(z)])

    def forget(self, keep: float) -> None:
        """Let past weeks count `keep` times as much."""
        self.gram *= keep
        self.moment *= keep
        self.error *= keep
        self._theta = None

    def expected(self, z: Floats32) -> Floats32:
        """(n, 3) expected outcomes under arm 0, at least 2 % of their mean."""
        return self._expected(curves(z))

    def _expected(self, x: Floats32) -> Floats32:
        if self._theta is None:
            loading = np.full(len(self.gram), 1e-3 * max(self.gram[0, 0], 1.0))
            loading[0] = 1e-6
            solved = np.linalg.solve(self.gram + np.diag(loading), self.moment)
            self._theta = np.asarray(solved, dtype=np.float32)
        least = (_LEAST * self.mean).astype(np.float32)
        return np.asarray(np.maximum(x @ self._theta, least), dtype=np.float32)

    @property
    def noise(self) -> float:
        """Variance of GMV in units of its expectation times the mean: rarely active users vary less."""
        return float(self.error[0] / self.error[1])

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """State as plain arrays."""
        return {"gram": self.gram, "moment": self.moment, "error": self.error}

    def restore(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Inverse of arrays."""
        for name in ("gram", "moment", "error"):
            setattr(self, name, np.array(arrays[name], dtype=np.float64))
        self._theta = None
