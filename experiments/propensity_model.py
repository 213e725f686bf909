"""Propensities of a log that withholds them, as its features tell: a guess, made only where somebody asks for it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from experiments.reward_model import design_of
from rage_env.errors import LogError

__all__ = ["LEAST", "estimated_probs"]

LEAST = 1e-3
"""No arm is believed to be rarer than this; assumed."""


def estimated_probs(
    features: NDArray[np.float64],
    arm: NDArray[np.int64],
    present: NDArray[np.bool_],
    folds: NDArray[np.int64],
    k: int,
) -> NDArray[np.float64]:
    """(n, k) chances of every arm: a multinomial logistic regression on the other folds' present users.

    Departed users have arm 0 for sure. Right only if nothing but these features decided who was offered what.
    Raises LogError where fewer than two folds hold rows, or a fold's others took one arm only.
    """
    from sklearn.linear_model import LogisticRegression

    if len(np.unique(folds)) < 2:
        raise LogError(f"estimated propensities: all {len(arm)} rows fell into one fold; give a log of more users")
    design = design_of(features)[:, 1:]
    probs = np.full((len(arm), k), LEAST)
    for fold in np.unique(folds):
        fit_on, use_for = (folds != fold) & present, folds == fold
        if len(np.unique(arm[fit_on])) < 2:
            raise LogError("estimated propensities: a fold of users took one arm only, so nothing tells arms apart")
        columns = design if design.shape[1] else np.zeros((len(arm), 1))
        model = LogisticRegression(solver="newton-cholesky", max_iter=200).fit(columns[fit_on], arm[fit_on])
        rows = np.flatnonzero(use_for)
        probs[np.ix_(rows, model.classes_)] = model.predict_proba(columns[use_for])
    likely: NDArray[np.float64] = np.maximum(probs, LEAST)
    likely /= likely.sum(axis=1, keepdims=True)
    likely[~present] = np.eye(k)[0]
    return likely
