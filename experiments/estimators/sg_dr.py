"""sg_dr: doubly robust with subgaussian weights, `dm + mean w / (1 - lambda + lambda w) (r - q)`.

The weights of Metelli, Russo and Restelli (NeurIPS 2021; see sg_ips) correct the reward model. lambda 0 is dr.
Default lambda: 0.1, assumed: no residual counts as more than ten.
"""

from __future__ import annotations

from dataclasses import dataclass

from experiments.estimators._base import Floats
from experiments.estimators._shrunk import CAPS, ShrunkCorrection, harmonic, refuse_outside


@dataclass(frozen=True)
class SubgaussianDoublyRobust(ShrunkCorrection):
    """The direct method, corrected by the residuals under weights drawn harmonically towards 1."""

    lambda_: float = 0.1  # in [0, 1]
    note = "biased on purpose: weights are drawn towards 1, the more the larger lambda"
    grid = tuple(1 / cap for cap in CAPS)

    def __post_init__(self) -> None:
        refuse_outside("sg_dr", self.lambda_, 0.0, 1.0)

    def bend(self, weight: Floats) -> Floats:
        """`w / (1 - lambda + lambda w)`."""
        return harmonic(weight, self.lambda_)
