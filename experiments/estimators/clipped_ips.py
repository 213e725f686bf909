"""clipped_ips: inverse propensity scoring with capped weights, `mean min(w, lambda) r` (Ionides 2008).

Heavy rows count as at most lambda, so what they bring beyond it is lost: too low for rewards above 0, by no more than
`E (w - lambda)+ |r|` (Bottou et al. 2013). An infinite lambda is ips. Default lambda: 10, assumed: nobody
counts as more than ten.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from experiments.estimators._base import Floats, Rows
from experiments.estimators._shrunk import CAPS, ShrunkSum, refuse_outside


@dataclass(frozen=True)
class ClippedInversePropensity(ShrunkSum):
    """Mean of the rewards under capped weights."""

    lambda_: float = 10.0  # the cap, 0 or more
    note = "biased on purpose: weights above lambda are cut to it"
    grid = CAPS

    def __post_init__(self) -> None:
        refuse_outside("clipped_ips", self.lambda_, 0.0)

    def bend(self, weight: Floats) -> Floats:
        """`min(w, lambda)`."""
        return np.minimum(weight, self.lambda_)

    def weights(self, rows: Rows) -> Floats:
        """Capped for whoever is present; departed users bring what they brought, as under any policy."""
        capped = self.bend(rows.weight)
        return capped if rows.present is None else np.where(rows.present, capped, rows.weight)
