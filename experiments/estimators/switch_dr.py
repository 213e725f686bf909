"""switch_dr: doubly robust where weights are small, the model alone elsewhere (Wang, Agarwal and Dudik 2017).

`dm + mean w 1(w <= lambda) (r - q)`: their SWITCH with a doubly robust part. lambda 0 is dm, an infinite one dr. Biased
by the model's error on the rows above lambda. Default lambda: 10, assumed: no residual counts as more than ten.
"""

from __future__ import annotations

from dataclasses import dataclass

from experiments.estimators._base import Floats
from experiments.estimators._shrunk import CAPS, ShrunkCorrection, refuse_outside


@dataclass(frozen=True)
class SwitchDoublyRobust(ShrunkCorrection):
    """The direct method, corrected by the residuals of lightly weighted rows only."""

    lambda_: float = 10.0  # the largest weight that is kept, 0 or more
    note = "biased on purpose: where weights exceed lambda the model alone speaks"
    grid = CAPS

    def __post_init__(self) -> None:
        refuse_outside("switch_dr", self.lambda_, 0.0)

    def bend(self, weight: Floats) -> Floats:
        """`w` where it is at most lambda, else 0."""
        return weight * (weight <= self.lambda_)
