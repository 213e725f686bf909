"""naive: the mean reward of the rows that the target agrees with; what one gets by forgetting the propensity.

`sum pi(a|x) r / sum pi(a|x)`. For a single arm it is that arm's plain mean. Biased wherever an arm's takers were
not drawn alike from everybody; shown so that the bias can be seen.
"""

from __future__ import annotations

from dataclasses import dataclass

from experiments.estimators._base import Floats, Ratio, Rows


@dataclass(frozen=True)
class Naive(Ratio):
    """Target-weighted mean that takes the logged arms for a fair sample."""

    needs_propensity = False
    note = "unweighted: biased unless the arms were drawn alike for everybody"

    def terms(self, rows: Rows) -> tuple[Floats, ...]:
        """`pi r` and `pi`."""
        return rows.match * rows.reward, rows.match

    def weights(self, rows: Rows) -> Floats:
        """`pi`: the log's propensities play no part."""
        return rows.match
