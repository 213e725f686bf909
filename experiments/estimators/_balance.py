"""Weights that make logged rows look like the target's, told apart by a classifier instead of by propensities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments import reward_model
from experiments.estimators._base import Floats
from experiments.estimators._recipe import Recipe, Whole

__all__ = ["Balance"]

PULL = 1.0
"""Ridge penalty on every coefficient but the intercept, in rows; assumed."""

STEPS, ENOUGH = 50, 1e-10


@dataclass(frozen=True)
class Balance(Recipe):
    """(n,) odds that a pair of user and arm comes from the target rather than from the log, by the other folds.

    One logistic regression an arm on the features, with the known log pi(a|x) as offset: its positives are all rows,
    each counting pi(a|x), its negatives the rows that took the arm (Sondhi, Arbour and Dimmery 2020). Its score
    equation balances the features: weighted takers have the mean features of the target's takers. 1 for who left.
    """

    def work(self, log: Whole) -> Floats:
        """Fitted on present users of the other folds."""
        design = reward_model.design_of(log.features)
        weight = log.match.copy()
        for others, mine in log.splits():
            for arm in range(log.k):
                fit_on = others & ~log.gone & (log.target[:, arm] > 0)
                wanted = log.target[fit_on, arm].astype(np.float64)
                slopes = _log_odds(design[fit_on], wanted, log.arm[fit_on] == arm)
                use_for = mine & (log.arm == arm)
                weight[use_for] *= np.exp(np.clip(design[use_for] @ slopes, -30.0, 30.0))
        return np.where(log.gone, 1.0, weight)


def _log_odds(x: Floats, wanted: Floats, taken: NDArray[np.bool_]) -> Floats:
    """(1 + d,) slopes b of `log odds - log wanted = x b`, by Newton's method; zeros where nobody took the arm."""
    slopes = np.zeros(x.shape[1])
    if not taken.any():
        return slopes
    slopes[0] = np.log(len(x) / taken.sum())
    count = wanted + taken
    pull = PULL * np.eye(x.shape[1])
    pull[0, 0] = 0.0
    for _ in range(STEPS):
        odds = wanted * np.exp(np.clip(x @ slopes, -30.0, 30.0))
        share = odds / (1 + odds)
        score = x.T @ (wanted - count * share) - pull @ slopes
        curvature = (x * (count * share * (1 - share))[:, None]).T @ x + pull
        curvature[np.diag_indices_from(curvature)] += 1e-9
        step = np.linalg.solve(curvature, score)
        slopes += step * min(1.0, 5.0 / max(float(np.abs(step).max()), 1e-300))
        if float(np.abs(step).max()) < ENOUGH:
            break
    return slopes
