"""Effects imputed in each arm from the other's regression, and averaged (Kuenzel et al. 2019, the X-learner).

tau = g tau_0 + (1 - g) tau_1: tau_1 regresses Y - mu_0 among the treated, tau_0 regresses mu_a - Y among those left
alone, and g is the share of the treated, so that the larger group's regression serves the smaller one. Propensities
are not used beyond that share.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agents.beliefs.trees import Forest, Growth, grow
from agents.uplift.effects import LEAST_TREATED, Effects
from agents.uplift.trial import Trial, halves

__all__ = ["fit"]

Floats = NDArray[np.float64]


def fit(trial: Trial, k: int, known: Floats, growth: Growth, *, pairs: int = 1) -> Effects:
    """Effects of arms 1..k-1 beyond `known` (rows, k - 1). pairs: of halves of the users."""
    split = halves(trial.user_id, pairs, growth.seed)
    alone = trial.arm == 0
    base = [grow(trial.features[alone & half], trial.outcome[alone & half], growth) for half in split]
    arms = [_effect(trial, a, known[:, a - 1], split, base, growth) for a in range(1, k)]
    columns = np.array([f[1:] for f in arms], dtype=np.float64).reshape(-1, 2)
    return Effects(tuple(f[0] for f in arms), columns[:, 0], columns[:, 0], columns[:, 1], np.ones(k - 1))


def _effect(
    trial: Trial, a: int, known: Floats, split: NDArray[np.bool_], base: list[Forest], growth: Growth
) -> tuple[tuple[Forest, ...], float, float]:
    """Models of all halves, their mean prediction, and its standard error."""
    taken, alone = trial.arm == a, trial.arm == 0
    if taken.sum() < LEAST_TREATED or alone.sum() < LEAST_TREATED:
        return (), 0.0, np.inf
    g = float(taken.sum() / (taken.sum() + alone.sum()))
    beyond, models, variance = trial.outcome - known, [], 0.0
    for half, mu in zip(split, base, strict=True):
        treated = grow(trial.features[taken & half], beyond[taken & half], growth)
        gained = beyond[taken & half] - mu.predict(trial.features[taken & half])
        missed = treated.predict(trial.features[alone & half]) - trial.outcome[alone & half]
        sides = (grow(trial.features[alone & half], missed, growth), grow(trial.features[taken & half], gained, growth))
        models.append(Forest.blend([(g, sides[0]), (1 - g, sides[1])]))
        variance += (gained.var() / taken.sum() + missed.var() / alone.sum()) / len(split)
    centre = float(np.mean([m.predict(trial.features).mean() for m in models]))
    return tuple(models), centre, float(np.sqrt(variance))
