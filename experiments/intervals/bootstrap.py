"""Bootstrap of users by Poisson weights on their sums: studentised, bias-corrected and accelerated, or percentile.

Every user counts a Poisson(1) number of times (Hanley and MacGibbon 2006; Chamandy et al. 2012), so a resample is one
product of weights and sums; no row is ever drawn. Studentised: Efron and Tibshirani (1993), 12.5; BCa: Efron (1987).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from experiments.estimators._base import Floats
from experiments.intervals.question import Question

__all__ = ["RESAMPLED", "Resampled", "poisson_weights", "resample"]

RESAMPLED = ("bootstrap_t", "bca", "percentile")
RESAMPLES = 999
_BLOCK = 2**24  # weights held at once


@dataclass(frozen=True, eq=False)
class Resampled:
    """An answer, its standard error, and both on every resample (b,). acceleration: of BCa, from the influence."""

    value: float
    stderr: float
    values: Floats  # (b,)
    stderrs: Floats  # (b,)
    acceleration: float

    def interval(self, kind: str, alpha: float) -> tuple[float, float]:
        """Two-sided, of nominal level 1 - alpha, by one of RESAMPLED; nan where too few resamples have an answer."""
        known = np.isfinite(self.values) & np.isfinite(self.stderrs)
        values = self.values[known]
        if known.sum() < 20 or not math.isfinite(self.value):
            return math.nan, math.nan
        if kind == "bootstrap_t":
            told = known & (self.stderrs > 0)
            t = (self.values[told] - self.value) / self.stderrs[told]
            low, high = _quantiles(t, alpha / 2, 1 - alpha / 2)
            return self.value - high * self.stderr, self.value - low * self.stderr
        levels = (alpha / 2, 1 - alpha / 2) if kind == "percentile" else self._levels(values, alpha)
        return _quantiles(values, *levels)

    def _levels(self, values: Floats, alpha: float) -> tuple[float, float]:
        from scipy.special import ndtr, ndtri

        below = (float((values < self.value).sum()) + float((values == self.value).sum()) / 2) / len(values)
        shift = float(ndtri(min(max(below, 0.5 / len(values)), 1 - 0.5 / len(values))))
        ends = []
        for tail in (alpha / 2, 1 - alpha / 2):
            z = shift + float(ndtri(tail))
            ends.append(float(ndtr(shift + z / max(1 - self.acceleration * z, 1e-6))))
        return ends[0], ends[1]


def poisson_weights(clusters: int, resamples: int, rng: np.random.Generator) -> Floats:
    """(resamples, clusters) how often each user counts."""
    return rng.poisson(1.0, (resamples, clusters)).astype(np.float64)


def resample(
    question: Question,
    sums: Floats,
    sizes: Floats,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    weights: Floats | None = None,
) -> Resampled:
    """The answer on the log and on resamples of its users. sums: (c, m); sizes: (c,) rows of each user.

    weights: (resamples, c) drawn before, as studies do that share them. The same seed gives the same interval.
    """
    once = np.ones((1, len(sizes)))
    (value,), (stderr,) = _answered(question, sums, sizes, once)
    rng, block = np.random.default_rng(seed), max(1, _BLOCK // len(sizes))
    if weights is not None:
        values, stderrs = _answered(question, sums, sizes, weights)
    else:
        counts = [min(block, resamples - start) for start in range(0, resamples, block)]
        parts = [_answered(question, sums, sizes, poisson_weights(len(sizes), b, rng)) for b in counts]
        values, stderrs = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
    return Resampled(float(value), float(stderr), values, stderrs, _acceleration(question, sums, sizes))


def _answered(question: Question, sums: Floats, sizes: Floats, times: Floats) -> tuple[Floats, Floats]:
    """(b,) answers and (b,) standard errors with users counted `times` (b, c) over."""
    held = np.column_stack([sums, sizes])  # (c, m + 1)
    first, second = np.triu_indices(held.shape[1])
    pairs = held[:, first] * held[:, second]
    total = times @ np.concatenate([held, pairs], axis=1)
    width = held.shape[1]
    rows, people = total[:, width - 1], times.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        means = total[:, : width - 1] / rows[:, None]
        slope = question.gradients(means)
        along = np.column_stack([slope, -(slope * means).sum(axis=1)])  # influence = along . (T, n) people / rows
        twice = np.where(first == second, 1.0, 2.0)
        square = (along[:, first] * along[:, second] * twice * total[:, width:]).sum(axis=1)
        variance = np.maximum(square, 0.0) * (people / rows) ** 2 / (people * (people - 1))
    return question.values(means), np.sqrt(variance)


def _acceleration(question: Question, sums: Floats, sizes: Floats) -> float:
    means = sums.sum(axis=0, keepdims=True) / sizes.sum()
    slope = question.gradients(means)[0]
    influence = sums @ slope - float(slope @ means[0]) * sizes
    influence /= max(float(np.abs(influence).max()), 1e-300)  # cubes of large or tiny numbers leave the floats
    square = float(influence @ influence)
    return float((influence**3).sum()) / (6 * square**1.5) if square > 0 else 0.0


def _quantiles(draws: Floats, low: float, high: float) -> tuple[float, float]:
    """Of the law that the draws come from, unbiased in level: Weibull's positions."""
    lower, upper = np.quantile(draws, [low, high], method="weibull")
    return float(lower), float(upper)
