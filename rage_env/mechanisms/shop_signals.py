"""What a shop sees of a customer's risk: readings of mail, carts, visits, support and payments, made new every week.

A reading lies at the customer's place inside the published range of the tier, with noise, and never outside it; what
the shop calls the customer's tier is read off the order rate. The level itself is never shown.
"""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from rage_env.features import Feature
from rage_env.mechanisms import lifecycle
from rage_env.randomness import POPULATION_WEEK, Draw, Noise
from rage_env.ranges import Amount, Share, check_range
from rage_env.state import Lives, Traits
from rage_env.week import Columns, MechanismParams, Newcomers, Week

__all__ = ["GIVES", "PARENTS", "Params", "advance", "draw", "features", "joining", "mean", "newcomers", "segments"]

PARENTS = ("activity_shift",)  # the level comes with it
GIVES: tuple[str, ...] = ()

Shares = tuple[Share, Share]
Amounts = tuple[Amount, Amount]
_DAYS = 7.0


class Params(MechanismParams):
    """Ranges by tier: low, medium, high risk. noise: sd of a reading's place inside its range, as a share of it.

    tickets_a_week, failed_payments, returns: probability in a week at risk levels 0 and 1.
    """

    orders_a_month: tuple[Amounts, Amounts, Amounts]
    email_open_rate: tuple[Shares, Shares, Shares]
    cart_abandonment: tuple[Shares, Shares, Shares]
    noise: float = Field(ge=0, le=1)
    visits_a_week: Amounts
    tickets_a_week: Shares
    failed_payments: Shares
    returns: Shares
    discount_taste_sd: float = Field(ge=0)

    @model_validator(mode="after")
    def _ranges_run_upwards(self) -> Self:
        for name in ("orders_a_month", "email_open_rate", "cart_abandonment"):
            for tier, ends in zip(lifecycle.TIERS, getattr(self, name), strict=True):
                check_range(f"{name}, tier {tier}", ends, "the first", "the second")
        return self


def newcomers(people: Newcomers, params: Params) -> Columns:
    """discount_share: of a customer's orders that use a coupon; lasting, and unrelated to risk."""
    taste, _ = people.luck.normals(Draw.SHOP_TASTE)
    odds = np.exp(np.float32(params.discount_taste_sd) * taste - np.float32(1))
    return {"discount_share": odds / (1 + odds)}


def joining(traits: Traits, lives: Lives, params: Params) -> Columns:
    """First readings."""
    return _readings(lives.more["risk_level"], Noise(0, traits.key, POPULATION_WEEK), params)


def draw(week: Week, params: Params) -> Columns:
    """Nothing that acts in the week."""
    return {}


def mean(week: Week, params: Params) -> Columns:
    """Nothing."""
    return {}


def advance(week: Week, params: Params) -> Columns:
    """Readings at the end of the week, of the level at its start."""
    return _readings(week.lives.more["risk_level"], week.noise, params)


def _readings(level: NDArray[np.float32], luck: Noise, params: Params) -> Columns:
    tier = lifecycle.tier(level)
    place = level * len(lifecycle.TIERS) - tier
    orders, opens = luck.normals(Draw.SHOP_READINGS)
    carts, visits = luck.normals(Draw.SHOP_VISITS)
    support, payment = luck.pair(Draw.SHOP_SUPPORT)
    back, _ = luck.pair(Draw.SHOP_ORDERS)

    def inside(
        ranges: tuple[Amounts, Amounts, Amounts], noise: NDArray[np.float32], *, falls: bool
    ) -> NDArray[np.float32]:
        low, high = (np.array([r[side] for r in ranges], np.float32).take(tier.astype(np.intp)) for side in (0, 1))
        at = np.clip(place + np.float32(params.noise) * noise, 0, 1)
        reading: NDArray[np.float32] = low + (high - low) * (1 - at if falls else at)
        return reading

    def between(ends: Amounts) -> NDArray[np.float32]:
        return np.float32(ends[0]) + np.float32(ends[1] - ends[0]) * level

    return {
        "orders_a_month": inside(params.orders_a_month, orders, falls=True),
        "email_open_rate": inside(params.email_open_rate, opens, falls=True),
        "cart_abandonment": inside(params.cart_abandonment, carts, falls=False),
        "visits": np.floor(between(params.visits_a_week) * np.exp(np.float32(0.5) * visits)),
        "ticket": (support < between(params.tickets_a_week)).astype(np.float32),
        "payment_failed": (payment < between(params.failed_payments)).astype(np.float32),
        "returned": (back < between(params.returns)).astype(np.float32),
    }


def features(params: Params) -> tuple[Feature, ...]:
    """The shop's columns: transaction, engagement, behaviour, support and payment."""
    shown = (("orders_a_month", 31.0), ("email_open_rate", 1.0), ("cart_abandonment", 1.0), ("visits", 1e3),
             ("ticket", 1.0), ("payment_failed", 1.0), ("returned", 1.0))  # fmt: skip
    seen = [_reading(name, high) for name, high in shown]
    taste = Feature("discount_share", 0.0, 1.0, lambda t, s: t.more["discount_share"])
    return (*seen, taste, Feature("days_since_order", 0.0, 26 * _DAYS, _days, cut=True))


def _reading(name: str, high: float) -> Feature:
    return Feature(name, 0.0, high, lambda t, s: s.more[name], cut=True)


def _days(traits: Traits, lives: Lives) -> NDArray[np.float32]:
    """(n,) days since the last order, taken in the middle of its week."""
    return (lives.recency + np.float32(0.5)) * np.float32(_DAYS)


def segments(traits: Traits, lives: Lives, params: Params) -> dict[str, NDArray[np.integer]]:
    """tier: 0 low, 1 medium, 2 high, as the order rate shows it."""
    edges = [params.orders_a_month[i][0] for i in (1, 0)]  # least of medium, least of low
    return {"tier": (2 - np.searchsorted(edges, lives.more["orders_a_month"], side="right")).astype(np.int8)}
