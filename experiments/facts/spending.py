"""How spend is spread over people and weeks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from experiments.facts.panel import Floats

__all__ = ["LogSpend", "activity_spend_correlation", "gini", "log_spend", "top_share", "weekly_cv"]

_LEAST_WEEKS = 2  # active weeks from which a person's own spread can be told


class LogSpend(NamedTuple):
    """Weekly log-spend of active weeks: one-way analysis of variance by person."""

    mean: float
    sd: float
    skew: float
    between_sd: float
    within_sd: float


def top_share(amount: Floats, share: float) -> float:
    """Share of the total that the `share` with the largest amounts hold. amount: (n,)."""
    ordered = np.sort(amount)[::-1]
    return float(ordered[: int(len(ordered) * share)].sum() / ordered.sum())


def gini(amount: Floats) -> float:
    """Gini coefficient: 0 where all hold alike, towards 1 where one holds all. amount: (n,)."""
    n, ordered = len(amount), np.sort(amount)
    return float(2 * (np.arange(1, n + 1) * ordered).sum() / (n * ordered.sum()) - (n + 1) / n)


def log_spend(gmv: Floats) -> LogSpend:
    """Moments of log-spend over weeks with spend; people weigh by their active weeks. gmv: (t, n) usd."""
    spent = gmv > 0
    log = np.log(np.where(spent, gmv, 1.0))
    every = log[spent]
    weeks = spent.sum(axis=0)
    level = log.sum(axis=0) / np.maximum(weeks, 1)
    off = np.where(spent, log - level, 0.0)
    repeated = weeks >= _LEAST_WEEKS
    within = (off[:, repeated] ** 2).sum() / (weeks[repeated] - 1).sum()
    seen = weeks[repeated]
    spread = level[repeated] - np.average(level[repeated], weights=seen)
    between = max(float(np.average(spread**2, weights=seen) - within * len(seen) / seen.sum()), 0.0)
    centred = every - every.mean()
    skew = float((centred**3).mean() / every.std() ** 3)
    return LogSpend(float(every.mean()), float(every.std()), skew, between**0.5, float(within**0.5))


def activity_spend_correlation(active: Floats, gmv: Floats) -> float:
    """Correlation over people of weeks active with mean log-spend of those weeks. active, gmv: (t, n)."""
    spent = gmv > 0
    weeks = spent.sum(axis=0)
    level = np.log(np.where(spent, gmv, 1.0)).sum(axis=0) / np.maximum(weeks, 1)
    ever = weeks > 0
    return float(np.corrcoef(active.sum(axis=0)[ever], level[ever])[0, 1])


def weekly_cv(gmv: Floats) -> float:
    """Coefficient of variation over weeks of what everybody spends together. gmv: (t, n) usd."""
    total = gmv.sum(axis=1)
    return float(total.std() / total.mean())
