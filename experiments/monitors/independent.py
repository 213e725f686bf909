"""Looks made independent: of correlated estimates of one effect, the mean whose increments owe nothing to before.

Of the looks so far take the weighted mean, weights summing to 1, that varies least. Each such mean is uncorrelated
with what it adds to the one before, so on the scale of its information it moves like a Brownian motion, however weeks
of a unit hang together: Scharfstein, Tsiatis & Robins (1997) on efficient estimates; Van Lancker, Betz & Rosenblum
(2022), arXiv 2201.12921, who make any estimates so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Independent", "made_independent"]

Floats = NDArray[np.float64]

LEAST_NEWS = 1e-4
"""Share of a look's variance that earlier looks must leave unexplained for it to add anything: below is rounding."""


@dataclass(frozen=True, eq=False)
class Independent:
    """The combined estimates, look by look."""

    estimate: Floats  # (..., t)
    stderr: Floats  # (..., t)
    freedom: Floats  # (..., t) degrees of freedom left


def made_independent(estimate: Floats, covariance: Floats, freedom: Floats) -> Independent:
    """The best weighted mean of the looks up to each. estimate: (..., t); covariance: (..., t, t) of them.

    freedom: (...) of each variance. Weights are themselves estimated: k of them cost k degrees of freedom, and widen
    the error by freedom / (freedom - k), half of it for the smallest variance found being too small, half for noise.
    """
    looks = estimate.shape[-1]
    scale = np.sqrt(np.maximum(np.einsum("...tt->...t", covariance), 1e-300))
    correlation = covariance / (scale[..., None] * scale[..., None, :]) + 1e-12 * np.eye(looks)
    root = np.linalg.cholesky(correlation)
    news = np.einsum("...tt->...t", root) ** 2
    adds = np.where(news > LEAST_NEWS, 1.0, 0.0)
    adds[..., 0] = 1.0
    white = np.linalg.solve(root, np.stack([estimate / scale, 1 / scale], axis=-1))  # (..., t, 2)
    y, one = white[..., 0] * adds, white[..., 1] * adds
    information = np.cumsum(one * one, axis=-1)
    used = np.cumsum(adds, axis=-1) - 1
    left = np.maximum(np.asarray(freedom)[..., None] - used, 1.0)
    wider = (left + used) / left
    return Independent(np.cumsum(one * y, axis=-1) / information, wider / np.sqrt(information), left)
