"""mrdr: more robust doubly robust, dr with a reward model fitted for the variance (Farajtabar et al., ICML 2018).

The model errs where dr does not mind and is right where weights are large; see ModelForVariance for what is
minimised. It is always fitted on the log's `x_*` columns: a given reward model is not used.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from experiments.estimators._base import Floats, Rows, Sum
from experiments.estimators._model_for_variance import ModelForVariance
from experiments.estimators._recipe import Recipe


@dataclass(frozen=True)
class MoreRobust(Sum):
    """The direct method of its own model, corrected by the weighted residuals."""

    @property
    def asks(self) -> tuple[Recipe, ...]:
        """Its own model."""
        return (ModelForVariance(),)

    def terms(self, rows: Rows) -> tuple[Floats, ...]:
        """`sum_a pi q` and `w (r - q)`."""
        q = rows.asked(ModelForVariance())
        return np.einsum("nk,nk->n", rows.target, q), rows.weight * (rows.reward - rows.taken(q))
