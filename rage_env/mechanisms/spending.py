"""How much an active user spends: weekly log-spend = user's level + arm + week; transactions follow GMV.

The level is solved so that an active week is worth `gmv_per_active_week_usd` on average. Between- and within-user
spread: completejourney. An active user settles at least one transaction.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rage_env import lognormal
from rage_env.randomness import Draw
from rage_env.week import Columns, MechanismParams, Week

__all__ = ["GIVES", "PARENTS", "Params", "draw", "mean"]

PARENTS = ("active", "response_root", "spend_shock")
GIVES = ("gmv", "transactions", "log_gmv", "log_gmv_sd")


class Params(MechanismParams):
    """Levels and spreads of weekly log-spend; copula: correlation of a user's level with the activity propensity."""

    gmv_per_active_week_usd: float = Field(gt=0)
    ticket_usd: float = Field(gt=0)
    between_sd: float = Field(ge=0)
    within_sd: float = Field(gt=0)
    copula: float = Field(gt=-1, lt=1)


def _location(week: Week, params: Params) -> NDArray[np.float32]:
    """(n,) mean of log GMV if active; the user's own level was drawn for the amount before any drift."""
    out = week.shifted(week.traits.log_spend, week.arms.log_spend, week.now["response_root"])
    usual: Params = week.base.get("spending", params)
    if params.gmv_per_active_week_usd != usual.gmv_per_active_week_usd:
        out += np.float32(math.log(params.gmv_per_active_week_usd / usual.gmv_per_active_week_usd))
    return out


def draw(week: Week, params: Params) -> Columns:
    """gmv in dollars, transactions as a count, log_gmv and log_gmv_sd the law of log GMV if active."""
    location = _location(week, params)
    active = week.now["active"]
    gmv = np.float32(params.within_sd) * week.now["spend_shock"]
    gmv += location
    np.exp(gmv, out=gmv)
    gmv *= active
    beyond = gmv * np.float32(1 / params.ticket_usd)
    beyond -= 1
    np.clip(beyond, np.float32(0), np.float32(np.inf), out=beyond)
    beyond += week.noise.uniform(Draw.TRANSACTIONS)
    np.floor(beyond, out=beyond)
    return {
        "gmv": gmv,
        "transactions": np.add(active, beyond, out=beyond),
        "log_gmv": location,
        "log_gmv_sd": np.array(params.within_sd),
    }


def mean(week: Week, params: Params) -> Columns:
    """Affine in the lognormal amount; transactions by its partial expectation above one ticket."""
    location = _location(week, params).astype(np.float64)
    active = week.now["active"]
    above = lognormal.mean_above(location, params.within_sd, params.ticket_usd) / params.ticket_usd
    return {
        "gmv": active * lognormal.mean(location, params.within_sd),
        "transactions": active * (1 + above),
        "log_gmv": location,
        "log_gmv_sd": np.array(params.within_sd),
    }
