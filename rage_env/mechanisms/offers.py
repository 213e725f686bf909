"""What an offer costs and earns: the contact, bonuses redeemed by active users, cashback on GMV, margin."""

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
GIVES = ("contacts", "contact_cost", "redeemed", "bonus_cost", "revenue_gross")


class Params(MechanismParams):
    """take_rate: share of GMV earned; abuser_redemption: how many times likelier an abuser redeems."""

    take_rate: float = Field(ge=0, le=1)
    abuser_redemption: float = Field(ge=0)


def _redemption(week: Week, params: Params, rows: NDArray[np.intp]) -> NDArray[np.float32]:
    rate = week.arms.redemption.take(week.felt[rows])
    abuser = week.traits.fraud_type[rows] == FraudType.ABUSER
    return np.minimum(np.where(abuser, rate * np.float32(params.abuser_redemption), rate), np.float32(1))


def _offered(week: Week, paying: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Rows of active users under those of the k arms that pay."""
    return np.flatnonzero(paying.take(week.felt) & (week.now["active"] > 0))


def _contacts(week: Week) -> NDArray[np.float32]:
    out: NDArray[np.float32] = week.arms.contacts.take(week.arm)
    return np.multiply(out, week.alive, out=out)


def draw(week: Week, params: Params) -> Columns:
    """Counts and dollars; cashback never exceeds the arm's cap."""
    if week.compiled:
        return _compiled(week, params)
    arms, contacts, gmv = week.arms, _contacts(week), week.now["gmv"]
    redeemed, cost = np.zeros(week.n, np.float32), np.zeros(week.n, np.float32)
    rows = _offered(week, (arms.redemption > 0) | (arms.cashback > 0))
    if len(rows):
        arm = week.felt[rows]
        took = week.noise.take(rows).uniform(Draw.REDEMPTION) < _redemption(week, params, rows)
        redeemed[rows] = took
        cost[rows] = took * arms.bonus.take(arm) + np.minimum(
            arms.cashback.take(arm) * gmv[rows], arms.offer_cap.take(arm)
        )
    return {
        "contacts": contacts,
        "contact_cost": contacts * arms.contact_cost.take(week.arm),
        "redeemed": redeemed,
        "bonus_cost": cost,
        "revenue_gross": gmv * _margin(week, params).take(week.felt),
    }


def _margin(week: Week, params: Params) -> NDArray[np.float32]:
    """(k,) share of GMV earned under each arm."""
    return np.float32(params.take_rate) + week.arms.extra_margin


def _compiled(week: Week, params: Params) -> Columns:
    """What draw gives."""
    from rage_env import kernels

    arms, traits, now = week.arms, week.traits, week.now
    times = np.ones(len(FraudType), np.float32)
    times[FraudType.ABUSER] = params.abuser_redemption
    found = kernels.offers(
        week.noise.keys, week.noise.counter(Draw.REDEMPTION), week.arm, week.felt, week.lives.alive, traits.fraud_type,
        now["active"], now["gmv"], arms.contacts, arms.contact_cost, arms.redemption, times, arms.bonus, arms.cashback,
        arms.offer_cap, _margin(week, params),
    )  # fmt: skip
    return dict(zip(GIVES, found, strict=True))


def mean(week: Week, params: Params) -> Columns:
    """Enumerates redemption; cashback by the capped lognormal mean."""
    contacts = _contacts(week).astype(np.float64)
    active, arm = week.now["active"], week.felt
    redeemed = np.zeros(week.n)
    rows = _offered(week, week.arms.redemption > 0)
    redeemed[rows] = active[rows] * _redemption(week, params, rows)
    cost = redeemed * week.arms.bonus.take(arm)
    rate = week.arms.cashback.take(arm).astype(np.float64)
    paying = np.flatnonzero(rate > 0)
    if len(paying):
        location = week.now["log_gmv"][paying] + np.log(rate[paying])
        cap = week.arms.offer_cap.take(arm[paying]).astype(np.float64)
        cost[paying] += active[paying] * lognormal.mean_capped(location, float(week.now["log_gmv_sd"]), cap)
    margin = params.take_rate + week.arms.extra_margin.astype(np.float64)
    return {
        "contacts": contacts,
        "contact_cost": contacts * week.arms.contact_cost.take(week.arm),
        "redeemed": redeemed,
        "bonus_cost": cost,
        "revenue_gross": week.now["gmv"] * margin.take(arm),
    }
