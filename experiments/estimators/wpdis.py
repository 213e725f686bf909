"""wpdis: weighted per-decision importance sampling, pdis with every week divided by the weights it really met.

`sum_t share_t (sum_i rho_it r_it / sum_i rho_it)`, share_t the week's share of the rows (Precup, Sutton and Singh 2000;
normalised by week as in Thomas 2015, section 3.5). Stays within the range of the rewards. In logs of one week it is
snips.
"""

from __future__ import annotations

from dataclasses import dataclass

from experiments.estimators._base import Floats, Rows, Sum
from experiments.estimators._paths import PathWeights, WeeklyMeans
from experiments.estimators._recipe import Recipe


@dataclass(frozen=True)
class WeightedPerDecision(Sum):
    """Mean of the weeks' self-normalised values."""

    estimand = "path"

    @property
    def asks(self) -> tuple[Recipe, ...]:
        """Products of weights, and each week's means."""
        return PathWeights(), WeeklyMeans()

    def weights(self, rows: Rows) -> Floats:
        """`rho_t`."""
        return rows.asked(PathWeights())[:, 1]

    def terms(self, rows: Rows) -> tuple[Floats, ...]:
        """`rho r / m` and `-v (rho / m - 1)`, m and v the week's mean weight and value.

        The second sums to 0; it is the influence of the estimated m.
        """
        mean, value = rows.asked(WeeklyMeans()).T
        share = self.weights(rows) / mean
        return share * rows.reward, value * (1 - share)
