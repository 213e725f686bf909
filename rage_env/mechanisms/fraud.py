"""Payment fraud: attempts by first- and third-party fraudsters, front-loaded in the life of an account.

An attempt in an active week passes the authorisation gate up to `max_loss_usd`; its amount is lognormal. Every case
is reported, disputed and charged back; when that becomes known is the business of delays.py.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rage_env import lognormal
from rage_env.randomness import Draw
from rage_env.state import FraudType
from rage_env.week import Columns, MechanismParams, Week

__all__ = ["GIVES", "PARENTS", "Params", "draw", "mean"]

PARENTS = ("active",)
GIVES = ("loss_fraud", "fraud_reports", "fraud_disputes")


class Params(MechanismParams):
    """Rates per active week at joining; `settled_share` of the rate remains once `decay_weeks` have long passed."""

    first_party_rate: float = Field(ge=0, le=1)
    third_party_rate: float = Field(ge=0, le=1)
    settled_share: float = Field(ge=0, le=1)
    decay_weeks: float = Field(gt=0)
    amount_median_usd: float = Field(gt=0)
    amount_log_sd: float = Field(gt=0)
    max_loss_usd: float = Field(gt=0)
    disputes_per_case: float = Field(ge=0)


def _suspects(week: Week) -> NDArray[np.intp]:
    return week.cheats[week.traits.fraud_type[week.cheats] >= FraudType.FIRST_PARTY]


def _rate(week: Week, params: Params, rows: NDArray[np.intp]) -> NDArray[np.float32]:
    """(m,) probability of an attempt in an active week."""
    by_type = np.zeros(len(FraudType), np.float32)
    by_type[FraudType.FIRST_PARTY] = params.first_party_rate
    by_type[FraudType.THIRD_PARTY] = params.third_party_rate
    settled = np.float32(params.settled_share)
    fresh = np.exp(-np.maximum(week.lives.age[rows], np.float32(0)) / np.float32(params.decay_weeks))
    return by_type.take(week.traits.fraud_type[rows]) * (settled + (1 - settled) * fresh)


def draw(week: Week, params: Params) -> Columns:
    """Dollars lost and counts of cases and disputes."""
    loss, cases, disputes = (np.zeros(week.n, np.float32) for _ in range(3))
    rows = _suspects(week)
    tried = week.noise.take(rows).uniform64(Draw.FRAUD) < _rate(week, params, rows)
    rows = rows[tried & (week.now["active"][rows] > 0)]
    if len(rows):
        luck = week.noise.take(rows)
        size, _ = luck.normals(Draw.FRAUD_AMOUNT)
        amount = np.exp(np.float32(math.log(params.amount_median_usd)) + np.float32(params.amount_log_sd) * size)
        loss[rows] = np.minimum(amount, np.float32(params.max_loss_usd))
        cases[rows] = 1
        disputes[rows] = np.floor(np.float32(params.disputes_per_case) + luck.uniform(Draw.CHARGEBACKS))
    return {"loss_fraud": loss, "fraud_reports": cases, "fraud_disputes": disputes}


def mean(week: Week, params: Params) -> Columns:
    """Attempt by its probability, amount by the capped lognormal mean."""
    cases = np.zeros(week.n)
    rows = _suspects(week)
    cases[rows] = week.now["active"][rows] * _rate(week, params, rows)
    location = np.array(math.log(params.amount_median_usd))
    amount = float(lognormal.mean_capped(location, params.amount_log_sd, params.max_loss_usd))
    return {
        "loss_fraud": cases * amount,
        "fraud_reports": cases,
        "fraud_disputes": cases * params.disputes_per_case,
    }
