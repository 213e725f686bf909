"""dr_sequential: doubly robust along a user's weeks (Jiang and Li 2016; Thomas and Brunskill 2016).

`mean rho_{t-1} V_t + rho_t (r_t - Q_t)`: pdis with the cross-fitted to-go model of fqe as control variate. Unbiased
whatever the model says, for propensities are known; the better the model, the less it spreads. In logs of one week it
is dr.
"""

from __future__ import annotations

from dataclasses import dataclass

from experiments.estimators._base import Floats, Rows, Sum
from experiments.estimators._paths import PathWeights
from experiments.estimators._recipe import Recipe
from experiments.estimators._to_go import ToGo


@dataclass(frozen=True)
class SequentialDoublyRobust(Sum):
    """The to-go model, corrected in every week by its weighted surprise."""

    estimand = "path"

    @property
    def asks(self) -> tuple[Recipe, ...]:
        """Products of weights and the model."""
        return PathWeights(), ToGo()

    def weights(self, rows: Rows) -> Floats:
        """`rho_t`."""
        return rows.asked(PathWeights())[:, 1]

    def terms(self, rows: Rows) -> tuple[Floats, ...]:
        """`rho_{t-1} V_t` and `rho_t (r_t - Q_t)`."""
        before, through = rows.asked(PathWeights()).T
        q, value, _ = rows.asked(ToGo()).T
        return before * value, through * (rows.reward - q)
