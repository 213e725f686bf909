"""The rate of a yes-or-no event as a logistic regression that takes in one batch at a time.

Laplace's approximation carries mean and precision from batch to batch (Chapelle and Li 2011, algorithm 3, with
the full precision matrix). Used for churn and for signs of fraud among users left alone.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

__all__ = ["Hazard"]

Floats = NDArray[np.float64]
_STEPS = 12


class Hazard:
    """P(event | x) = expit(x' theta). Remembers mean (p,) and precision (p, p) of theta."""

    def __init__(self, prior_precision: Floats, base_rate: float = 0.02) -> None:
        self.prior = prior_precision
        self.mean = np.zeros(len(prior_precision))
        self.mean[0] = logit(base_rate)
        self.precision = np.diag(prior_precision)

    def update(self, x: NDArray[np.float32], y: NDArray[np.floating], weight: NDArray[np.float32]) -> None:
        """Take in rows x (n, p), first column 1, events y in {0, 1} (n,) and weights (n,)."""
        if not len(x):
            return
        theta, start = self.mean.copy(), self.mean
        for _ in range(_STEPS):
            rate = expit(x @ theta.astype(np.float32))
            slope = x.T.astype(np.float32) @ (weight * (y - rate)).astype(np.float32) - self.precision @ (theta - start)
            curve = self.precision + (x * (weight * rate * (1 - rate))[:, None].astype(np.float32)).T @ x
            step = np.linalg.solve(curve, slope.astype(np.float64))
            theta = theta + step * min(1.0, 2.0 / (float(np.abs(step).max()) + 1e-12))
            if np.abs(step).max() < 1e-3:
                break
        self.mean, self.precision = theta, curve.astype(np.float64)

    def forget(self, keep: float) -> None:
        """Let past batches count `keep` times as much; the precision of the prior stays."""
        self.precision = keep * self.precision + (1 - keep) * np.diag(self.prior)

    def rate(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n,) expected rate at rows x."""
        return np.asarray(expit(x @ self.mean.astype(np.float32)), dtype=np.float32)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """State as plain arrays."""
        return {"mean": self.mean, "precision": self.precision}

    def restore(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Inverse of arrays."""
        self.mean = np.array(arrays["mean"], dtype=np.float64)
        self.precision = np.array(arrays["precision"], dtype=np.float64)
