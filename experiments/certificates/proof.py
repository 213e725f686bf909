"""One-sided proofs that the mean slack of a user is above 0, valid for any number of users.

A user's slack is `sum over rows of w (limit x den - num)`; it cannot fall below -worst. H0, the target is unsafe: its
mean is at most 0. Betting: wealth `prod (1 + stake x slack)` mixed over stakes exceeds 1 / alpha with probability at
most alpha under H0 (Ville; Waudby-Smith and Ramdas 2020, arXiv 2010.09686). Empirical Bernstein: Maurer and Pontil
(2009), theorem 4, which also needs a bound from above. Capping a denominator only takes slack away, so it may be done;
capping a numerator would give slack away, so it may not.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from experiments.monitors.betting import log_growth, log_mean_exp, stakes

__all__ = ["POINTS", "bernstein_lower", "log_evidence"]

Floats = NDArray[np.float64]

POINTS = 24
"""Stakes in the mixture; as the monitors have it."""


def log_evidence(slack: Floats, worst: float) -> Floats:
    """(...) log evidence against H0; at least log(1 / alpha) proves the claim. slack: (..., n) users, >= -worst."""
    return log_mean_exp(log_growth(slack, stakes(worst, POINTS)))


def bernstein_lower(x: Floats, least: float, most: float, alpha: float) -> Floats:
    """(...) what the mean exceeds with probability 1 - alpha or more. x: (..., n) independent, within [least, most]."""
    n = x.shape[-1]
    reach = math.log(2 / alpha)
    spread = np.sqrt(2 * x.var(axis=-1, ddof=1) * reach / n)
    return np.asarray(x.mean(axis=-1) - spread - 7 * (most - least) * reach / (3 * (n - 1)), np.float64)
