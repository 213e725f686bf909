"""naive: the mean reward of the rows that the target agrees with; what one gets by forgetting the propensity.

`sum pi(a|x) r / sum pi(a|x)` over present users, who are as large a share as in the log; departed ones bring what they
brought, as under any policy. For a single arm it is that arm's plain mean. Biased wherever an arm's takers were not
drawn alike from everybody; shown so that the bias can be seen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from experiments.estimators._base import Estimator, Floats, Rows


@dataclass(frozen=True)
class Naive(Estimator):
    """Target-weighted mean that takes the logged arms for a fair sample."""

    needs_propensity = False
    note = "unweighted: biased unless the arms were drawn alike for everybody"

    def terms(self, rows: Rows) -> tuple[Floats, ...]:
        """`pi r`, `pi` and 1 of present users, `r` of departed ones."""
        match = self.weights(rows)
        return match * rows.reward, match, rows.here, rows.reward_of_departed

    def weights(self, rows: Rows) -> Floats:
        """`pi` of present users: the log's propensities play no part."""
        return rows.match if rows.present is None else rows.match * rows.here

    def value(self, means: Floats) -> float:
        """`means[0] / means[1] * means[2] + means[3]`."""
        return float(means[0] / means[1] * means[2] + means[3]) if means[1] else math.nan

    def gradient(self, means: Floats) -> Floats:
        """Of the product of ratio and share, and of the sum."""
        if not means[1]:
            return np.full(4, math.nan)
        ratio = means[0] / means[1]
        return np.array([means[2] / means[1], -ratio * means[2] / means[1], ratio, 1.0])
