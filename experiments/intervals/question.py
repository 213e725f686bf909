"""What is asked of an estimator's sums: a value, a ratio of two, or less that of a baseline; for many means at once.

The same arithmetic as `estimators.evaluate`, on rows of means, so that a resample costs no more than its sums.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from experiments.estimators._base import Estimator, Floats, Ratio, Sum

__all__ = ["Question"]


@dataclass(frozen=True)
class Question:
    """columns: 1, or 2 for a ratio of two metrics; policies: 1, or 2 for a difference; terms: m of the estimator.

    Means come as (b, policies x columns x m): the terms of the first policy's first column first.
    """

    estimator: Estimator
    terms: int
    columns: int = 1
    policies: int = 1

    def values(self, means: Floats) -> Floats:
        """(b,) the answer at each row of means."""
        parts = [_values(self.estimator, part) for part in self._parts(means)]
        with np.errstate(divide="ignore", invalid="ignore"):
            of_policy = parts if self.columns == 1 else [a / b for a, b in zip(parts[::2], parts[1::2], strict=True)]
        return of_policy[0] if self.policies == 1 else of_policy[0] - of_policy[1]

    def gradients(self, means: Floats) -> Floats:
        """(b, policies x columns x m) slopes of the answer at each row of means."""
        split = self._parts(means)
        slopes = [_gradients(self.estimator, part) for part in split]
        if self.columns == 2:
            value = [_values(self.estimator, part) for part in split]
            with np.errstate(divide="ignore", invalid="ignore"):
                for at in range(0, len(split), 2):
                    below = value[at + 1][:, None]
                    slopes[at] = slopes[at] / below
                    slopes[at + 1] = -slopes[at + 1] * (value[at] / value[at + 1] ** 2)[:, None]
        if self.policies == 2:
            half = len(slopes) // 2
            slopes = slopes[:half] + [-s for s in slopes[half:]]
        return np.concatenate(slopes, axis=1)

    def _parts(self, means: Floats) -> list[Floats]:
        return np.split(means, self.columns * self.policies, axis=1)


def _values(estimator: Estimator, means: Floats) -> Floats:
    if type(estimator).value is Sum.value:
        return np.asarray(means.sum(axis=1), np.float64)
    if type(estimator).value is Ratio.value:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(means[:, 0] / means[:, 1], np.float64)
    return np.array([estimator.value(row) for row in means], np.float64)


def _gradients(estimator: Estimator, means: Floats) -> Floats:
    if type(estimator).gradient is Sum.gradient:
        return np.ones_like(means)
    if type(estimator).gradient is Ratio.gradient:
        with np.errstate(divide="ignore", invalid="ignore"):
            below = means[:, 1]
            return np.stack([1 / below, -means[:, 0] / below**2], axis=1)
    return np.stack([estimator.gradient(row) for row in means])
