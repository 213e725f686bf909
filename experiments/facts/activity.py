"""How activity repeats itself, and how much people differ in it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from experiments.facts.panel import Bools, Floats

__all__ = ["BetaMixing", "beta_mixing", "lag_correlation", "retention_by_quarter", "survival", "user_mean_sd"]


class BetaMixing(NamedTuple):
    """Shape of the Beta law that people's own rates of activity follow."""

    a: float
    b: float


def lag_correlation(active: Floats, lag: int) -> float:
    """Correlation of a week with the one `lag` weeks later, pooled over people and weeks. active: (t, n)."""
    return float(np.corrcoef(active[:-lag].ravel(), active[lag:].ravel())[0, 1])


def user_mean_sd(active: Floats) -> float:
    """Standard deviation over people of the share of weeks they were active in. active: (t, n)."""
    return float(active.mean(axis=0).std())


def beta_mixing(active: Floats) -> BetaMixing:
    """The Beta law of people's rates, by moments: variance of user means less what coin flips alone would give.

    active: (t, n). NaN where people differ no more than by chance.
    """
    weeks, mean = len(active), float(active.mean())
    binomial = mean * (1 - mean)
    between = (weeks * float(active.mean(axis=0).var()) - binomial) / (weeks - 1)
    size = binomial / between - 1 if between > 0 else np.nan
    return BetaMixing(mean * size, (1 - mean) * size)


def survival(present: Bools) -> Floats:
    """(t,) share of those there in the first week who are there when each week begins. present: (t, n)."""
    first = present[:, present[0]]
    out: Floats = first.mean(axis=1)
    return out


def retention_by_quarter(present: Bools) -> Floats:
    """(q,) of those there when a quarter of 13 weeks begins, the share there when the next one does."""
    at: Floats = survival(present)[::13]
    kept: Floats = at[1:] / at[:-1]
    return kept
