"""What lending loses: a share of GMV scaled by the user's own risk, capped; first-party users never repay."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rage_env import lognormal
from rage_env.randomness import Draw
from rage_env.state import FraudType
from rage_env.week import Columns, MechanismParams, Week

__all__ = ["GIVES", "PARENTS", "Params", "draw", "mean"]

PARENTS = ("active", "gmv", "log_gmv", "log_gmv_sd")
GIVES = ("loss_credit", "credit_disputes")


class Params(MechanismParams):
    """Honest loss as a share of GMV; what a first-party user takes in each week that a line is held."""

    loss_rate: float = Field(gt=0, le=1)
    first_party_loss_usd: float = Field(ge=0)
    first_party_disputes: float = Field(ge=0, le=1)
    max_loss_usd: float = Field(gt=0)


def _borrowers(week: Week) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Rows that hold a line, and 1 where the holder is a first-party fraudster who is still there."""
    rows = np.flatnonzero(week.arms.credit.take(week.felt))
    first = (week.traits.fraud_type[rows] == FraudType.FIRST_PARTY) & week.lives.alive[rows]
    return rows, first.astype(np.float32)


def draw(week: Week, params: Params) -> Columns:
    """Dollars lost and disputes raised."""
    loss, disputes = np.zeros(week.n, np.float32), np.zeros(week.n, np.float32)
    rows, first = _borrowers(week)
    if len(rows):
        taken = np.float32(params.first_party_loss_usd) * first
        honest = np.float32(params.loss_rate) * week.traits.credit_risk[rows] * week.now["gmv"][rows]
        loss[rows] = np.minimum(honest, np.float32(params.max_loss_usd) - taken) + taken
        luck = week.noise.take(rows).uniform(Draw.CREDIT_CHARGEBACK)
        disputes[rows] = first * (luck < np.float32(params.first_party_disputes))
    return {"loss_credit": loss, "credit_disputes": disputes}


def mean(week: Week, params: Params) -> Columns:
    """The capped lognormal mean of the honest part; the fraudulent part is a constant."""
    loss, disputes = np.zeros(week.n), np.zeros(week.n)
    rows, first = _borrowers(week)
    if len(rows):
        taken = params.first_party_loss_usd * first.astype(np.float64)
        share = params.loss_rate * week.traits.credit_risk[rows].astype(np.float64)
        location = week.now["log_gmv"][rows] + np.log(share)
        sd = float(week.now["log_gmv_sd"])
        honest = lognormal.mean_capped(location, sd, params.max_loss_usd - taken)
        loss[rows] = week.now["active"][rows] * honest + taken
        disputes[rows] = params.first_party_disputes * first
    return {"loss_credit": loss, "credit_disputes": disputes}
