"""mis: marginalised importance sampling, weights of states instead of paths (Xie, Ma and Wang, NeurIPS 2019).

`mean d_t(s_t) w_t r_t` with d_t the ratio of how often target and log meet the state in week t. Its spread does not
grow with the number of weeks as that of pdis does, for the price of a model: right as far as the features say what
matters of the past and the ratio is linear in them. In logs of one week it is ips.
"""

from __future__ import annotations

from dataclasses import dataclass

from experiments.estimators._base import Floats, Rows, Sum
from experiments.estimators._recipe import Recipe
from experiments.estimators._state_ratios import StateRatios


@dataclass(frozen=True)
class MarginalisedStates(Sum):
    """Mean of the rewards under weights of states and arms."""

    estimand = "path"
    note = "fitted weights: the interval leaves out the error of the states' ratios"

    @property
    def asks(self) -> tuple[Recipe, ...]:
        """The ratios."""
        return (StateRatios(),)

    def weights(self, rows: Rows) -> Floats:
        """`d_t w_t`."""
        return rows.asked(StateRatios()) * rows.weight

    def terms(self, rows: Rows) -> tuple[Floats, ...]:
        """`d_t w_t r_t`."""
        return (self.weights(rows) * rows.reward,)
