"""From cluster sums to estimates, intervals and diagnostics.

The influence of cluster c on `g(means)` is `grad g . (T_c - n_c means) / mean n`, with T_c its sums and n_c its
rows; so the interval also answers for how many rows each user happened to have.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from experiments.estimators._base import Estimator, Floats

__all__ = ["LEAST_ESS", "Estimate", "Weights", "estimate", "weigh"]

LEAST_ESS = 100.0
"""Fewer effective users than this and no interval is to be trusted."""

WEIGHT_Z = 3.9
"""Standard errors by which the mean weight may miss 1: luck exceeds it about once in 10,000 logs."""

FLOAT32_SLACK = 1e-5
"""What rounding of logged float32 propensities may move the mean weight by."""

SKEW_FACTOR = 355.0
"""Clusters needed per squared skewness of their influence (Kohavi et al. 2014, "Seven rules of thumb")."""


@dataclass(frozen=True, eq=False)
class Estimate:
    """A value with the influence (c,) of every cluster on it; arithmetic carries both."""

    value: float
    influence: Floats

    def __sub__(self, other: Estimate) -> Estimate:
        return Estimate(self.value - other.value, self.influence - other.influence)

    def __truediv__(self, other: Estimate) -> Estimate:
        if not other.value:
            return Estimate(math.nan, np.full_like(self.influence, math.nan))
        ratio = self.value / other.value
        return Estimate(ratio, (self.influence - ratio * other.influence) / other.value)

    @cached_property
    def stderr(self) -> float:
        """Standard error over clusters; nan for fewer than two."""
        c = len(self.influence)
        return math.sqrt(float(self.influence @ self.influence) / (c * (c - 1))) if c > 1 else math.nan

    @cached_property
    def skew(self) -> float:
        """Skewness of the influence; 0 where nothing varies."""
        squares = self.influence * self.influence
        variance = float(squares.mean())
        tiny = 1e-12 * self.value
        if variance <= tiny * tiny:
            return 0.0
        cubes = float(squares @ self.influence) / len(squares)
        return cubes / (variance * math.sqrt(variance))  # nan, and no error, where squares overflow

    def interval(self, alpha: float) -> tuple[float, float]:
        """Two-sided interval of level 1 - alpha by Student's t with one degree of freedom per cluster but one."""
        from scipy.special import stdtrit

        if len(self.influence) < 2:
            return math.nan, math.nan
        half = float(stdtrit(len(self.influence) - 1, 1 - alpha / 2)) * self.stderr
        return self.value - half, self.value + half


def estimate(estimator: Estimator, sums: list[Floats], sizes: Floats) -> Estimate:
    """Value and influence of one estimator. sums: m arrays (c,); sizes: (c,) rows per cluster."""
    n = float(sizes.sum())
    means = np.array([float(s.sum()) / n for s in sums])
    gradient = estimator.gradient(means)
    influence = np.zeros_like(sizes)
    for slope, term in zip(gradient, sums, strict=True):
        influence += slope * term
    influence -= float(gradient @ means) * sizes
    influence *= len(sizes) / n
    return Estimate(estimator.value(means), influence)


@dataclass(frozen=True)
class Weights:
    """What the weights of an estimator say about the log's support for a target."""

    ess: float  # effective sample size of the clusters' weights
    largest: float  # of a single row
    mean: float  # of the raw weights where the estimator bends them
    mean_stderr: float

    @property
    def mean_is_off(self) -> bool:
        """The mean misses 1 by more than noise: the log cannot reach all of the target, or propensities are wrong."""
        return abs(self.mean - 1) > WEIGHT_Z * self.mean_stderr + FLOAT32_SLACK


def weigh(sums: Floats, largest: float, support: Floats, sizes: Floats) -> Weights:
    """Diagnostics of weights summed by cluster (c,). support: (c,) of those whose mean should be 1, often the same."""
    n, c, total = float(sizes.sum()), len(sizes), float(sums.sum())
    square = float(sums @ sums)
    mean = float(support.sum()) / n
    spread = (support - mean * sizes) * (c / n)
    stderr = math.sqrt(float(spread @ spread) / (c * (c - 1))) if c > 1 else math.nan
    return Weights(total / square * total if square else 0.0, largest, mean, stderr)
