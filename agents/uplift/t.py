"""Effects by two regressions, one with and one without the arm (Kuenzel et al. 2019, the T-learner).

Right where features explain who was treated, as in a randomised log; propensities are not used. Grown on halves of
the users, so that the halves' disagreement says how sure an effect is.
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
    alone = trial.arm == 0
    split = halves(trial.user_id, pairs, growth.seed)
    base = [grow(trial.features[alone & half], trial.outcome[alone & half], growth) for half in split]
    arms = [_effect(trial, a, known[:, a - 1], split, base, growth) for a in range(1, k)]
    columns = np.array([f[1:] for f in arms], dtype=np.float64).reshape(-1, 3)
    centre, average, stderr = columns.T
    return Effects(tuple(f[0] for f in arms), centre, average, stderr, np.ones(k - 1))


def _effect(
    trial: Trial, a: int, known: Floats, split: NDArray[np.bool_], base: list[Forest], growth: Growth
) -> tuple[tuple[Forest, ...], float, float, float]:
    """Models of all halves, their mean prediction twice, and its standard error."""
    taken, alone = trial.arm == a, trial.arm == 0
    if taken.sum() < LEAST_TREATED or alone.sum() < LEAST_TREATED:
        return (), 0.0, 0.0, np.inf
    beyond = trial.outcome - known
    treated = [grow(trial.features[taken & half], beyond[taken & half], growth) for half in split]
    models = tuple(Forest.blend([(1.0, t), (-1.0, b)]) for t, b in zip(treated, base, strict=True))
    centre = float(np.mean([m.predict(trial.features).mean() for m in models]))
    parts = ((taken, treated, beyond), (alone, base, trial.outcome))
    variance = sum(_mean_variance(trial.features[rows], y[rows], forests) for rows, forests, y in parts)
    return models, centre, centre, float(np.sqrt(variance))


def _mean_variance(x: NDArray[np.float32], y: Floats, forests: list[Forest]) -> float:
    missed = y - np.mean([f.predict(x) for f in forests], axis=0)
    return float(np.mean(missed**2) / len(y))
