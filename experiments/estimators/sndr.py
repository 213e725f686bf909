"""sndr: self-normalised doubly robust, `dm + sum w (r - q) / sum w` (Thomas and Brunskill 2016)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from experiments.estimators._base import Estimator, Floats, Rows


@dataclass(frozen=True)
class SelfNormalisedDoublyRobust(Estimator):
    """The direct method, corrected by the mean residual under the weights it really met."""

    needs_q = True

    def terms(self, rows: Rows) -> tuple[Floats, ...]:
        """`sum_a pi q`, `w (r - q)` and `w`."""
        return rows.model_value, rows.weighted_residual, rows.weight

    def value(self, means: Floats) -> float:
        """`means[0] + means[1] / means[2]`."""
        return float(means[0] + means[1] / means[2]) if means[2] else math.nan

    def gradient(self, means: Floats) -> Floats:
        """Of the sum and, within it, of the ratio."""
        if not means[2]:
            return np.full(3, math.nan)
        return np.array([1.0, 1.0 / means[2], -means[1] / means[2] ** 2])
