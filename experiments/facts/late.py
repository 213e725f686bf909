"""How lateness with payments persists: autocorrelation by month, and cure that gets rarer the longer it lasts."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from experiments.facts.activity import lag_correlation
from experiments.facts.panel import Bools, Floats

__all__ = ["cure_after", "current_to_late", "falls_strictly", "late_correlations"]


def late_correlations(late: Floats, lags: int = 5) -> Floats:
    """(lags,) correlation of being late with being late 1, 2, ... months later, pooled. late: (m, n) 0 or 1."""
    return np.array([lag_correlation(late, lag) for lag in range(1, lags + 1)])


def current_to_late(late: Floats) -> float:
    """Chance that somebody who pays on time is late in the following month. late: (m, n)."""
    before, after = late[:-1] > 0, late[1:] > 0
    return float(after[~before].mean())


def cure_after(late: Floats, months: int) -> float:
    """Chance of paying on time again after exactly `months` late months in a row that began in sight. late: (m, n)."""
    is_late: Bools = late > 0
    cured, tried = 0, 0
    for start in range(1, len(late) - months):
        run = ~is_late[start - 1] & np.all(is_late[start : start + months], axis=0)
        tried += int(run.sum())
        cured += int((run & ~is_late[start + months]).sum())
    return cured / tried if tried else float("nan")


def falls_strictly(values: Floats) -> bool:
    """Every value lies below the one before it."""
    return all(later < earlier for earlier, later in pairwise(values))
