"""Who listens: accounts with several admins, and users who have just slowed down, answer an offer more strongly.

Momentum here is last week's spend against the mean of the last four weeks, less 1: -.15 is 15 % slower than usual.
Users who already spend as much as anybody are disturbed: their spend answers by multiples of its own, below 0 for those
who then spend less. Nothing but the user's own state enters. Admins are those of the mechanism `accounts`.
"""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from rage_env.features import Feature
from rage_env.ranges import Amount
from rage_env.state import Lives, Traits
from rage_env.week import Columns, MechanismParams, Week

__all__ = ["GIVES", "PARENTS", "REVISES", "Params", "draw", "features", "mean", "momentum"]

PARENTS: tuple[str, ...] = ()
GIVES: tuple[str, ...] = ()
REVISES = ("response", "response_root")
_MOST = 3.0  # momentum of a user who was there in the last of four weeks only

Times = tuple[Amount, Amount, Amount, Amount]


class Params(MechanismParams):
    """Effects of every arm are multiplied by admins_times in accounts with more than `few_admins` admins.

    slowing_times: by archetype, multiplies them where momentum has fallen by at least slowing_from and at most
    slowing_to. fading_times: where it has fallen further. quickening_times: where it has risen by more than
    quickening_from. busy_spend_times: all that multiplies effects on spend where the last four weeks' spend lies above
    busy_from_usd; below 0 where users then spend less.
    """

    few_admins: int = Field(ge=0)
    admins_times: float = Field(ge=0)
    slowing_from: float = Field(ge=0, le=1)
    slowing_to: float = Field(ge=0, le=1)
    slowing_times: Times
    fading_times: Times
    quickening_from: float = Field(ge=0, le=_MOST)
    quickening_times: Times
    busy_from_usd: float = Field(ge=0)
    busy_spend_times: tuple[float, float, float, float]

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.slowing_to < self.slowing_from:
            raise ValueError(f"slowing_to: {self.slowing_to:g} lies below slowing_from, {self.slowing_from:g}")
        return self


def momentum(lives: Lives) -> NDArray[np.float32]:
    """(n,) -1..3; 0 where nothing was spent in four weeks."""
    total = _spent(lives)
    out = np.zeros_like(total)
    np.divide(4 * lives.gmv[0] - total, total, out=out, where=total > 0)
    return out


def draw(week: Week, params: Params) -> Columns:
    """The multipliers of the arm's effects, as strong as this user listens; no luck is involved."""
    times = _by_momentum(week, params)
    admins = week.traits.more.get("admins")
    if admins is not None:
        times *= np.where(admins > params.few_admins, np.float32(params.admins_times), np.float32(1))
    busy = _spent(week.lives) > np.float32(params.busy_from_usd)
    on_spend = np.where(busy, _by_kind(week, params.busy_spend_times), times)
    return {"response": week.now["response"] * times, "response_root": week.now["response_root"] * on_spend}


def mean(week: Week, params: Params) -> Columns:
    """The same: nothing here is random."""
    return draw(week, params)


def features(params: Params) -> tuple[Feature, ...]:
    """Momentum of spend."""
    return (Feature("spend_momentum", -1.0, _MOST, _seen, cut=True),)


def _seen(traits: Traits, lives: Lives) -> NDArray[np.float32]:
    return momentum(lives)


def _spent(lives: Lives) -> NDArray[np.float32]:
    """(n,) dollars in the last four weeks."""
    total: NDArray[np.float32] = lives.gmv[0] + lives.gmv[1] + lives.gmv[2] + lives.gmv[3]
    return total


def _by_kind(week: Week, times: tuple[float, ...]) -> NDArray[np.float32]:
    return np.array(times, np.float32).take(week.kind)


def _by_momentum(week: Week, params: Params) -> NDArray[np.float32]:
    """(n,) what momentum multiplies effects by."""
    now = momentum(week.lives)
    cuts = np.array([-params.slowing_to, -params.slowing_from, params.quickening_from], np.float32)
    slowing = (now >= cuts[0]) & (now <= cuts[1])
    times = np.where(slowing, _by_kind(week, params.slowing_times), np.float32(1))
    times = np.where(now < cuts[0], _by_kind(week, params.fading_times), times)
    out: NDArray[np.float32] = np.where(now > cuts[2], _by_kind(week, params.quickening_times), times)
    return out
