"""Closed expectations of a lognormal X = exp(location + scale Z), for conditional means.

Formulas: Johnson, Kotz and Balakrishnan 1994, Continuous Univariate Distributions 1, chapter 14.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

__all__ = ["mean", "mean_above", "mean_capped"]

Floats = NDArray[np.float64]


def mean(location: Floats, scale: float) -> Floats:
    """E[X]; location: (n,) of log X."""
    out: Floats = np.exp(location + 0.5 * scale * scale)
    return out


def mean_capped(location: Floats, scale: float, cap: Floats | float) -> Floats:
    """E[min(X, cap)] for cap > 0; infinite caps give E[X]."""
    with np.errstate(divide="ignore"):
        d = (np.log(cap) - location) / scale
    capped = np.where(np.isinf(d), 0.0, cap) * ndtr(-d)
    out: Floats = mean(location, scale) * ndtr(d - scale) + capped
    return out


def mean_above(location: Floats, scale: float, floor: float) -> Floats:
    """E[max(X - floor, 0)]."""
    return mean(location, scale) - mean_capped(location, scale, floor)
