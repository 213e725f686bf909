"""Laws that several rehearsal streams draw from."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

__all__ = ["ar1", "capped_log_normal_mean", "null_of"]

Floats = NDArray[np.float64]


def ar1(rng: np.random.Generator, shape: tuple[int, int, int], coefficient: float = 0.9) -> Floats:
    """(reps, weeks, n) stationary normal paths with unit variance."""
    value = rng.normal(size=shape)
    for week in range(1, shape[1]):
        value[:, week] = coefficient * value[:, week - 1] + np.sqrt(1 - coefficient**2) * value[:, week]
    return value


def capped_log_normal_mean(sd: float, cap: float) -> float:
    """Mean of min(x, cap) / cap, x log-normal about 1 with this log-sd."""
    edge = float(np.log(cap)) / sd
    return float(np.exp(sd**2 / 2) * ndtr(edge - sd) + cap * ndtr(-edge)) / cap


def null_of(draw: Callable[..., object]) -> str:
    """The null of a stream: its docstring."""
    return (draw.__doc__ or "").strip()
