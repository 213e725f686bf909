"""balanced_ips: weights by a classifier that tells the target's rows from the log's (Sondhi, Arbour and Dimmery 2020).

`sum w r / sum w` with the fitted weights of Balance. They balance what is observed, so they are often lighter than
exact ones, and right as far as `log p(a|x)` is linear in the features. The logged propensities play no part, yet a log
that withholds them is refused here as elsewhere, unless estimated ones are asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

from experiments.estimators._balance import Balance
from experiments.estimators._base import Floats, Ratio, Rows
from experiments.estimators._recipe import Recipe


@dataclass(frozen=True)
class BalancedPropensity(Ratio):
    """Mean of the rewards under fitted weights."""

    note = "fitted weights: the interval leaves out the classifier's error"

    @property
    def asks(self) -> tuple[Recipe, ...]:
        """The weights."""
        return (Balance(),)

    def weights(self, rows: Rows) -> Floats:
        """The fitted ones."""
        return rows.asked(Balance())

    def terms(self, rows: Rows) -> tuple[Floats, ...]:
        """`w r` and `w`."""
        w = self.weights(rows)
        return w * rows.reward, w
