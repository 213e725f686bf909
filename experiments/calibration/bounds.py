"""Keeps the arms' declared bounds on mean losses in step with a world whose spend or activity has changed.

A bound must lie between one and three times the mean loss (`rage check` holds it to that), so it moves with the loss.
"""

from __future__ import annotations

import numpy as np

from experiments.facts.panel import Floats
from rage_env.cohort import CohortEnv
from rage_env.outcomes import LOSSES
from rage_env.scenario import Scenario

__all__ = ["scaled_bounds"]

_USERS = 4_000
_SAME = 0.02  # relative change that is left alone


def scaled_bounds(before: Scenario, after: Scenario) -> dict[str, float]:
    """{dotted path: usd} of the bounds that must move, by the mean loss of the same people's first week in each."""
    was, now = _mean_losses(before), _mean_losses(after)
    found = {}
    for i, arm in enumerate(after.arms):
        ratio = float(now[i] / was[i]) if was[i] > 0 else 1.0
        if abs(ratio - 1) > _SAME:
            found[f"arms.{i}.mean_loss_bound_usd"] = arm.mean_loss_bound_usd * ratio
    return found


def _mean_losses(world: Scenario) -> Floats:
    """(k,) usd a user-week, luck integrated out."""
    env = CohortEnv(_USERS, world)
    env.reset(seed=0)
    means = env.truth.mean_outcomes()
    out: Floats = np.sum([means[c].mean(axis=0) for c in LOSSES], axis=0)
    return out
