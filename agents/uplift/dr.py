"""Effects of arms against arm 0 by the doubly robust learner, cross-fitted by user (Kennedy 2023, algorithm 1).

Pseudo-outcome of arm a: mu_a - mu_0 + 1[A = a] (Y - mu_a) / p_A - 1[A = 0] (Y - mu_0) / p_A, with the logged
propensity p_A of the arm taken, so its mean is the effect whatever the nuisance mu. Two folds by a hash of the
user: neither nuisance nor effect is ever judged on users it was fitted on.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agents.beliefs.trees import Forest, Growth, grow, with_arm
from agents.uplift.effects import LEAST_TREATED, Effects
from agents.uplift.trial import Trial, fold_of

__all__ = ["fit"]

Floats = NDArray[np.float64]
_APART = 7_919  # of the seeds of two splits


def fit(trial: Trial, k: int, known: Floats, growth: Growth, *, pairs: int = 1, trim: float = 0.02) -> Effects:
    """Effects of arms 1..k-1 beyond `known` (rows, k - 1). trim: propensities below it count as it.

    pairs: how often users are split into two folds anew. Every split leaves two models an arm; all that is said of an
    arm is the mean over splits.
    """
    weight = 1.0 / np.maximum(trial.propensity, trim)
    folds = [fold_of(trial.user_id, growth.seed + _APART * j) for j in range(pairs)]
    fits = [_split(trial, k, known, weight, fold, growth) for fold in folds]
    columns = np.mean([[one[1:] for one in arms] for arms in fits], axis=0).reshape(-1, 4)
    told = [[arms[j][0] for arms in fits] for j in range(k - 1)]
    models = tuple(tuple(m for one in splits for m in one) if all(splits) else () for splits in told)
    return Effects(models, *columns.T)


_Fit = tuple[tuple[Forest, ...], float, float, float, float]


def _split(trial: Trial, k: int, known: Floats, weight: Floats, fold: NDArray[np.int64], growth: Growth) -> list[_Fit]:
    """What one split into folds says of every arm."""
    mu = np.empty((len(trial.arm), k))
    for f in (0, 1):
        model = grow(with_arm(trial.features, trial.arm)[fold != f], trial.outcome[fold != f], growth)
        for a in range(k):
            mu[fold == f, a] = model.predict(with_arm(trial.features, np.full(len(mu), a))[fold == f])
    return [_effect(trial, mu, a, weight, fold, known[:, a - 1], growth) for a in range(1, k)]


def _effect(
    trial: Trial, mu: Floats, a: int, weight: Floats, fold: NDArray[np.int64], known: Floats, growth: Growth
) -> _Fit:
    """Models of both folds, mean prediction, average effect, its standard error, slope on the other fold."""
    taken, alone = trial.arm == a, trial.arm == 0
    counts = [int(taken[fold == f].sum()) for f in (0, 1)]
    if min(counts) < LEAST_TREATED // 2 or not alone.any():
        return (), 0.0, 0.0, np.inf, 0.0
    pseudo = mu[:, a] - mu[:, 0] + taken * weight * (trial.outcome - mu[:, a])
    pseudo -= alone * weight * (trial.outcome - mu[:, 0])
    pseudo -= known
    models = tuple(grow(trial.features[fold != f], pseudo[fold != f], growth) for f in (0, 1))
    held_out = np.empty(len(pseudo))
    for f, model in enumerate(models):
        held_out[fold == f] = model.predict(trial.features[fold == f])
    centred = held_out - held_out.mean()
    variance = float(centred @ centred)
    slope = float(np.clip(centred @ pseudo / variance, 0.0, 1.0)) if variance > 0 else 0.0
    return models, float(held_out.mean()), float(pseudo.mean()), float(pseudo.std() / np.sqrt(len(pseudo))), slope
