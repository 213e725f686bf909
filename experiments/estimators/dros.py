"""dros: doubly robust with optimistic shrinkage, `dm + mean lambda w / (w^2 + lambda) (r - q)`.

Su, Dimakopoulou, Krishnamurthy and Dudik (ICML 2020): the weights that minimise a bound on the mean squared error for a
good reward model. lambda 0 is dm, an infinite one dr. A shrunk weight is at most `sqrt(lambda) / 2`, reached at
`w = sqrt(lambda)`. Default lambda: 100, assumed: a weight of ten is halved, and no residual counts as more than five.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from experiments.estimators._base import Floats
from experiments.estimators._shrunk import CAPS, ShrunkCorrection, refuse_outside


@dataclass(frozen=True)
class DoublyRobustShrunk(ShrunkCorrection):
    """The direct method, corrected by the residuals under optimistically shrunk weights."""

    lambda_: float = 100.0  # 0 or more, on the scale of squared weights
    note = "biased on purpose: large weights are shrunk, the more the smaller lambda"
    grid = tuple(cap**2 for cap in CAPS)

    def __post_init__(self) -> None:
        refuse_outside("dros", self.lambda_, 0.0)

    def bend(self, weight: Floats) -> Floats:
        """`w / (1 + w^2 / lambda)`, which is `lambda w / (w^2 + lambda)` also where lambda is infinite."""
        if not self.lambda_:
            return np.zeros_like(weight)
        shrunk: Floats = weight / (1 + weight * weight / self.lambda_)
        return shrunk
