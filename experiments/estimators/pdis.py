"""pdis: per-decision importance sampling along a user's weeks (Precup, Sutton and Singh 2000).

`mean rho_t r_t` with rho_t the product of the user's weights up to week t: unbiased for the mean per user-week had the
target acted from the first week on, whatever users remember. In logs of one week it is ips. Its spread grows with every
week in which target and log differ.
"""

from __future__ import annotations

from dataclasses import dataclass

from experiments.estimators._base import Floats, Rows, Sum
from experiments.estimators._paths import PathWeights
from experiments.estimators._recipe import Recipe


@dataclass(frozen=True)
class PerDecision(Sum):
    """Mean of the rewards under weights of paths."""

    estimand = "path"

    @property
    def asks(self) -> tuple[Recipe, ...]:
        """Products of weights."""
        return (PathWeights(),)

    def weights(self, rows: Rows) -> Floats:
        """`rho_t`."""
        return rows.asked(PathWeights())[:, 1]

    def terms(self, rows: Rows) -> tuple[Floats, ...]:
        """`rho_t r_t`."""
        return (self.weights(rows) * rows.reward,)
