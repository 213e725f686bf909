"""Finite-sample intervals for the mean of independent users whose number lies within bounds declared beforehand.

Empirical Bernstein: Maurer and Pontil (2009). Betting: Waudby-Smith and Ramdas (2020), arXiv 2010.09686, by a mixture
over fixed stakes, so it also holds at any look while users come one by one. Clopper and Pearson (1934) for events: rows
are first thinned to a sample of the target's own, by keeping each with chance weight / heaviest (von Neumann 1951).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from experiments.certificates.proof import bernstein_lower
from experiments.monitors.betting import log_growth, log_mean_exp, stakes

__all__ = ["by_bernstein", "by_betting", "by_clopper_pearson", "clopper_pearson", "thinned"]

Floats = NDArray[np.float64]
_STEPS = 30  # halvings of the range: a billionth of it
_POINTS = 24


def by_bernstein(x: Floats, least: float, most: float, alpha: float = 0.05) -> tuple[Floats, Floats]:
    """(...) lower and upper ends. x: (..., n), every entry within [least, most]."""
    lower = bernstein_lower(x, least, most, alpha / 2)
    upper = -bernstein_lower(-x, -most, -least, alpha / 2)
    return np.maximum(lower, least), np.minimum(upper, most)


def by_betting(x: Floats, least: float, most: float, alpha: float = 0.05) -> tuple[Floats, Floats]:
    """(...) lower and upper ends. x: (..., n), every entry within [least, most]."""
    unit = (x - least) / (most - least)
    lower = _out_of_reach(unit, alpha / 2)
    upper = 1 - _out_of_reach(1 - unit, alpha / 2)
    return least + (most - least) * lower, least + (most - least) * upper


def _out_of_reach(unit: Floats, alpha: float) -> Floats:
    """(...) the largest mean that bets on larger outcomes rule out, by halving: wealth falls as the mean rises."""
    low, high = np.zeros(unit.shape[:-1]), np.ones(unit.shape[:-1])
    shares = stakes(1.0, _POINTS)  # of the wealth that the worst outcome takes
    for _ in range(_STEPS):
        mean = (low + high) / 2
        growth = log_growth(unit / np.maximum(mean, 1e-300)[..., None] - 1, shares)
        out = log_mean_exp(growth) >= math.log(1 / alpha)
        low, high = np.where(out, mean, low), np.where(out, high, mean)
    return np.asarray(low, np.float64)


def by_clopper_pearson(
    events: NDArray[np.bool_], weight: Floats, heaviest: float, alpha: float = 0.05, seed: int = 0
) -> tuple[float, float]:
    """Ends for the chance of an event under the target. events, weight: (n,) independent rows; weight <= heaviest."""
    kept = thinned(weight, heaviest, np.random.default_rng(seed))
    return clopper_pearson(int(events[kept].sum()), int(kept.sum()), alpha)


def thinned(weight: Floats, heaviest: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """(...) rows kept: as if the target itself had drawn them."""
    return np.asarray(rng.random(weight.shape) * heaviest < weight, np.bool_)


def clopper_pearson(events: int, n: int, alpha: float = 0.05) -> tuple[float, float]:
    """Exact ends for a chance after so many events in n."""
    from scipy.special import betaincinv

    lower = 0.0 if events == 0 else float(betaincinv(events, n - events + 1, alpha / 2))
    upper = 1.0 if events == n else float(betaincinv(events + 1, n - events, 1 - alpha / 2))
    return lower, upper
