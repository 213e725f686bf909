"""Whether an arm reaches the user: who is eligible, who is left in peace for a while, and whether the channel delivers.

Eligibility and cool-down are masks, known before anyone decides. Delivery is luck: an arm that does not arrive costs
its contact and does nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from rage_env.arms import Arm, ArmTable
from rage_env.errors import did_you_mean
from rage_env.randomness import Draw
from rage_env.ranges import Share
from rage_env.state import Lives, Traits
from rage_env.week import Columns, MechanismParams, Week

__all__ = ["GIVES", "PARENTS", "Eligibility", "Params", "branches", "draw", "mask", "mean", "problems"]

PARENTS: tuple[str, ...] = ()
GIVES = ("felt",)

_ALWAYS = 1.0


class Eligibility(BaseModel):
    """Who may get an arm: account at least so old, identity verified, at most so many fraud cases reported."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)
    min_age_weeks: float = Field(default=0.0, ge=0)
    kyc_high: bool = False
    most_fraud_reported: float | None = Field(default=None, ge=0)


class Params(MechanismParams):
    """delivered: {channel: share of contacts that arrive}, 1 for channels not named.

    cool_down_weeks: no arm but 0 within so many weeks of the last contact. eligible: {arm: who may get it}.
    """

    delivered: dict[str, Share] = Field(default_factory=dict)
    cool_down_weeks: int = Field(default=0, ge=0, le=4)
    eligible: dict[str, Eligibility] = Field(default_factory=dict)


def problems(arms: Sequence[Arm], params: Params) -> Iterator[str]:
    """Channels that no offer takes and arms that do not exist; arm 0 reaches everybody, so no rule can be for it."""
    channels, offers = sorted({arm.channel for arm in arms[1:]}), [arm.name for arm in arms[1:]]
    for channel in params.delivered:
        if channel not in channels:
            near = did_you_mean(channel, channels)
            yield f"delivered.{channel}: no offer takes the channel {channel!r}{near} Channels: {', '.join(channels)}"
    for name in params.eligible:
        if name not in offers:
            why = "everybody may be left alone" if name == arms[0].name else f"no arm is called {name!r}"
            yield f"eligible.{name}: {why}{did_you_mean(name, offers)} Offers: {', '.join(offers)}"


def _probability(week: Week, params: Params) -> NDArray[np.float64]:
    """(n,) probability that the chosen arm arrives; 1 for arm 0."""
    by_arm = [params.delivered.get(arm.channel, _ALWAYS) if i else _ALWAYS for i, arm in enumerate(week.arms.arms)]
    return np.array(by_arm).take(week.arm)


def draw(week: Week, params: Params) -> Columns:
    """felt: the chosen arm where it arrives, else arm 0."""
    arrives = week.noise.uniform64(Draw.REACH) < _probability(week, params)
    return {"felt": np.where(arrives, week.arm, 0)}


def branches(week: Week, params: Params) -> list[tuple[NDArray[np.float64], Columns]]:
    """It arrives, or it does not."""
    arrives = _probability(week, params)
    whole = [(arrives, {"felt": week.arm})]
    return whole if (arrives == 1).all() else [*whole, (1 - arrives, {"felt": np.zeros_like(week.arm)})]


def mean(week: Week, params: Params) -> Columns:
    """Never asked: means are taken in each branch."""
    raise NotImplementedError("reach is enumerated; see branches")


def mask(traits: Traits, lives: Lives, arms: ArmTable, params: Params) -> NDArray[np.int8]:
    """(n, k) 1 where the arm may be chosen."""
    allowed = np.ones((len(traits.user_id), arms.k), np.int8)
    rested = (lives.contact_bits & np.uint8((1 << params.cool_down_weeks) - 1)) == 0
    allowed[~rested, 1:] = 0
    for a, arm in enumerate(arms.arms):
        if (rule := params.eligible.get(arm.name)) is not None:
            fit = lives.age >= rule.min_age_weeks
            if rule.kyc_high:
                fit &= traits.kyc > 0
            if rule.most_fraud_reported is not None:
                fit &= lives.fraud_reported <= rule.most_fraud_reported
            allowed[~fit, a] = 0
    return allowed
