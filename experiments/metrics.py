"""What a run is worth: per initially assigned user-week, paired with the same lives left alone, and per active user.

Value and net revenue are by accrual with every pending loss settled; those who left count 0 in the numerator and stay
in the denominator. Intervals take the user for the unit, never the user-week.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from rage_env.outcomes import net_revenue, value

__all__ = ["Mean", "UserTotals", "across_seeds", "paired", "per_active", "pooled", "skewness"]

Floats = NDArray[np.float64]
_Z95 = NormalDist().inv_cdf(0.975)
LEAST_SEEDS = 5
"""Seeds below which no interval across seeds is given."""


@dataclass(frozen=True)
class Mean:
    """A mean with its standard error; NaN where there is none."""

    value: float
    stderr: float

    @property
    def lower(self) -> float:
        """Lower end of the 95 % interval."""
        return self.value - _Z95 * self.stderr

    @property
    def upper(self) -> float:
        """Upper end of the 95 % interval."""
        return self.value + _Z95 * self.stderr


class UserTotals:
    """Adds up each user's weeks. value, net_revenue, active: (n,) float64 totals."""

    def __init__(self, n: int, retention_value_usd: float) -> None:
        self.retention_value_usd = retention_value_usd
        self.value, self.net_revenue, self.active = np.zeros(n), np.zeros(n), np.zeros(n)
        self.weeks = 0

    def add(self, ledger: Mapping[str, NDArray[np.floating]]) -> tuple[float, float, float]:
        """Take in a week's ledger by accrual, {column: (n,)}; value and net a row, net an active user."""
        exact = {c: column.astype(np.float64) for c, column in ledger.items()}
        worth, net = value(exact, self.retention_value_usd), net_revenue(exact)
        self.value += worth
        self.net_revenue += net
        self.active += exact["active"]
        self.weeks += 1
        active = float(exact["active"].sum())
        return float(worth.mean()), float(net.mean()), float(net.sum()) / active if active else math.nan


def paired(mine: Floats, control: Floats, weeks: int) -> Mean:
    """Mean over users of the difference in totals (n,), per week; one user is one observation."""
    difference = (mine - control) / weeks
    n = len(difference)
    stderr = float(difference.std(ddof=1)) / math.sqrt(n) if n > 1 else math.nan
    return Mean(float(difference.mean()), stderr)


def skewness(mine: Floats, control: Floats) -> float:
    """Skewness of the users' differences in totals (n,); 0 where no two differ."""
    deviation = (mine - control) - float((mine - control).mean())
    square = deviation * deviation
    variance = float(square.mean())
    return float((square * deviation).mean()) / variance**1.5 if variance > 0 else 0.0


def per_active(net: Floats, active: Floats) -> Mean:
    """Total net revenue over total active weeks, with the ratio's own interval. net, active: (n,) totals."""
    n, total = len(net), float(active.sum())
    if total == 0 or n < 2:
        return Mean(math.nan, math.nan)
    ratio = float(net.sum()) / total
    influence = (net - ratio * active) / (total / n)
    return Mean(ratio, float(influence.std(ddof=1)) / math.sqrt(n))


def pooled(seeds: Sequence[Mean]) -> Mean:
    """The mean over these very seeds, which is what its interval is about; seeds are independent populations."""
    stderr = math.sqrt(sum(m.stderr**2 for m in seeds)) / len(seeds)
    return Mean(sum(m.value for m in seeds) / len(seeds), stderr)


def across_seeds(values: Sequence[float], least: int = LEAST_SEEDS) -> tuple[float, float]:
    """A 95 % t-interval for the mean over all seeds there could be; NaN below `least` seeds."""
    if len(values) < least:
        return math.nan, math.nan
    from scipy.stats import t

    mean, spread = float(np.mean(values)), float(np.std(values, ddof=1))
    reach = float(t.ppf(0.975, len(values) - 1)) * spread / math.sqrt(len(values))
    return mean - reach, mean + reach
