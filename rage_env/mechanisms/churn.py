"""Who leaves for good at the end of the week: the user's own rate times the effects of arm, fatigue and annoyance.

Rates are Beta distributed across users (shifted-beta-geometric; Fader and Hardie 2007).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rage_env.randomness import Draw
from rage_env.week import Columns, MechanismParams, Week

__all__ = ["AFTER", "GIVES", "PARENTS", "Params", "draw", "mean", "probability"]

PARENTS = ("response", "fatigue")
AFTER = ("annoyance", "hazard_shift")
GIVES = ("churned",)


class Params(MechanismParams):
    """highest_rate: no week loses a user with a larger probability than this."""

    highest_rate: float = Field(gt=0, le=1)


def probability(week: Week, params: Params) -> NDArray[np.float32]:
    """(n,) probability of leaving; 0 for those who already left."""
    log_hazard = week.shifted(week.now["fatigue"], week.arms.log_hazard, week.now["response"])
    for also in AFTER:
        if also in week.now:
            log_hazard += week.now[also]
    np.exp(log_hazard, out=log_hazard)
    rate: NDArray[np.float32] = np.multiply(week.traits.churn_rate, log_hazard, out=log_hazard)
    np.clip(rate, np.float32(0), np.float32(params.highest_rate), out=rate)
    return np.multiply(rate, week.alive, out=rate)


def draw(week: Week, params: Params) -> Columns:
    """churned: 0 or 1."""
    return {"churned": week.noise.below64(Draw.CHURN, probability(week, params))}


def mean(week: Week, params: Params) -> Columns:
    """churned: its probability."""
    return {"churned": probability(week, params).astype(np.float64)}
