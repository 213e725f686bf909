"""Differences paired by seed, for a whole family of comparisons: t-tests after Holm, simultaneous t-intervals.

Two runs of one seed share users and luck, so their difference is one observation, and seeds are independent. Each
p-value is that of a paired t-test; Holm's step-down (1979) keeps the chance of any false call in the family below the
level whatever the tests' dependence, and they do depend: all share the same reference. Intervals are Bonferroni's, so
that all of them cover at once; an interval may reach over 0 where Holm, which is sharper, calls.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

__all__ = ["Difference", "differences", "holm"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """Mean difference over `seeds` seeds. lower, upper: simultaneous over the family; p_holm: adjusted for it.

    NaN below two seeds, where nothing is known of how seeds vary.
    """

    seeds: int
    mean: float
    stderr: float
    lower: float
    upper: float
    p: float
    p_holm: float

    def verdict(self, level: float, sign: int = 1) -> str:
        """`better` or `worse` where the family allows it, `same` where no seed differs, else `cannot tell`.

        sign: -1 where less is better.
        """
        if self.seeds and self.mean == 0 and (self.stderr == 0 or math.isnan(self.stderr)):
            return "same"
        if not self.p_holm <= level:
            return "cannot tell"
        return "better" if self.mean * sign > 0 else "worse"


def differences(pairs: Sequence[Floats], level: float = 0.05) -> list[Difference]:
    """One a family member. pairs: (seeds,) differences each, of the same or of different lengths.

    A member without any variation is decided without a test and leaves the family: a change that changes nothing.
    """
    tested = [p for p in pairs if len(p) > 1 and _spread(p) > 0]
    alone = [_unadjusted(p) for p in pairs]
    adjusted = iter(holm([u for u in alone if not math.isnan(u)]))
    found = []
    for pair, p in zip(pairs, alone, strict=True):
        n = len(pair)
        mean = float(np.mean(pair)) if n else math.nan
        stderr = _spread(pair) / math.sqrt(n) if n > 1 else math.nan
        reach = float(stdtrit(n - 1, 1 - level / (2 * max(1, len(tested))))) * stderr if n > 1 else math.nan
        found.append(
            Difference(n, mean, stderr, mean - reach, mean + reach, p, math.nan if math.isnan(p) else next(adjusted))
        )
    return found


def holm(p: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values, in the order given."""
    order = sorted(range(len(p)), key=p.__getitem__)
    out, largest = [0.0] * len(p), 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(p) - rank) * p[i]))
        out[i] = largest
    return out


def _unadjusted(pair: Floats) -> float:
    """Two-sided paired t-test; NaN where there is nothing to test."""
    if len(pair) < 2 or (spread := _spread(pair)) == 0:
        return math.nan
    return float(2 * stdtr(len(pair) - 1, -abs(float(np.mean(pair))) * math.sqrt(len(pair)) / spread))


def _spread(pair: Floats) -> float:
    """Standard deviation; 0 where all are the same number, whatever rounding leaves."""
    return 0.0 if len(pair) and np.ptp(pair) == 0 else float(np.std(pair, ddof=1))
