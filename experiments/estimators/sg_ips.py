"""sg_ips: inverse propensity scoring with subgaussian weights, `mean w / (1 - lambda + lambda w) r`.

Metelli, Russo and Restelli (NeurIPS 2021): the power mean of w and 1 with exponent -1, so weights stay below
`1 / lambda` and 1 stays 1. lambda 0 is ips. Default lambda: 0.1, assumed: nobody counts as more than ten.
"""

from __future__ import annotations

from dataclasses import dataclass

from experiments.estimators._base import Floats
from experiments.estimators._shrunk import CAPS, ShrunkSum, harmonic, refuse_outside


@dataclass(frozen=True)
class SubgaussianInversePropensity(ShrunkSum):
    """Mean of the rewards under weights drawn harmonically towards 1."""

    lambda_: float = 0.1  # in [0, 1]
    note = "biased on purpose: weights are drawn towards 1, the more the larger lambda"
    grid = tuple(1 / cap for cap in CAPS)

    def __post_init__(self) -> None:
        refuse_outside("sg_ips", self.lambda_, 0.0, 1.0)

    def bend(self, weight: Floats) -> Floats:
        """`w / (1 - lambda + lambda w)`."""
        return harmonic(weight, self.lambda_)
