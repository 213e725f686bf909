"""The reward model of mrdr: fitted for the variance of the doubly robust value, not for its own error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from experiments import reward_model
from experiments.estimators._base import Floats
from experiments.estimators._recipe import Recipe, Whole

__all__ = ["ModelForVariance"]


@dataclass(frozen=True)
class ModelForVariance(Recipe):
    """(n, k) expected rewards that minimise `sum w^2 (1 - p) (r - q)^2` over the other folds' rows.

    That is equation 9 of Farajtabar, Chow and Ghavamzadeh (2018) with D and Omega for a target of one arm; for a
    mixed target the products of two arms' errors, which no row shows together, are left out. Rows whose arm was
    certain or is not wanted have no say.
    """

    def work(self, log: Whole) -> Floats:
        """Ridge, one line per arm; departed users bring what they brought."""
        heavy = np.where(log.gone, 0.0, log.weight**2 * (1 - log.propensity))
        q = reward_model.cross_fit(log.features, log.arm, log.reward, log.folds, log.k, weights=heavy, dtype=np.float64)
        return np.where(log.gone[:, None], log.reward[:, None], q)
