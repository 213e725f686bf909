"""The most that could be known of an arm's lift from what is observed: true lift regressed on features of other users.

No pilot can teach more. What a rule does with these lifts is what it would do if its bounds were exact.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agents.beliefs.trees import Growth, grow
from agents.uplift import Effects
from experiments.cohorts import cohort
from experiments.config import ExperimentConfig
from experiments.showcase._accounts import audited

__all__ = ["expected_lift"]

_EVERYBODY = 10**9  # accounts
_GROWTH = Growth(trees=200, leaves=31, rate=0.06, least_rows=200, bins=255)


def expected_lift(study: ExperimentConfig, seeds: Sequence[int], k: int, arm: int = 1) -> Effects:
    """Lift of `arm` expected of a seat's features, with bounds that are the lift itself; nothing of other arms.

    seeds: of the cohorts regressed on. k: arms of the world.
    """
    features, lift = [], []
    for seed in seeds:
        env, seen = cohort(study, seed)
        features.append(seen.features)
        lift.append(audited(env, _EVERYBODY, arm).lift)
    rows, gained = np.concatenate(features), np.concatenate(lift)
    forest = grow(rows, gained, _GROWTH)
    models = tuple((forest, forest) if a == arm else () for a in range(1, k))
    mean = np.array([forest.predict(rows).mean() if a == arm else 0.0 for a in range(1, k)])
    return Effects(models, mean, mean, np.zeros(k - 1), np.ones(k - 1))
