"""Who listens: accounts with several admins, and users who have just slowed down, answer an offer more strongly.

Momentum here is last week's spend against the mean of the last four weeks, less 1: -.15 is 15 % slower than usual.
Nothing but the user's own state enters. Admins are those of the mechanism `accounts`.
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


class Params(MechanismParams):
    """Effects of every arm are multiplied by admins_times in accounts with more than `few_admins` admins.

    slowing_times: by archetype, multiplies them where momentum has fallen by at least slowing_from and at most
    slowing_to.
    """

    few_admins: int = Field(ge=0)
    admins_times: float = Field(ge=0)
    slowing_from: float = Field(ge=0, le=1)
    slowing_to: float = Field(ge=0, le=1)
    slowing_times: tuple[Amount, Amount, Amount, Amount]

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.slowing_to < self.slowing_from:
            raise ValueError(f"slowing_to: {self.slowing_to:g} lies below slowing_from, {self.slowing_from:g}")
        return self


def momentum(lives: Lives) -> NDArray[np.float32]:
    """(n,) -1..3; 0 where nothing was spent in four weeks."""
    total: NDArray[np.float32] = lives.gmv[0] + lives.gmv[1] + lives.gmv[2] + lives.gmv[3]
    out = np.zeros_like(total)
    np.divide(4 * lives.gmv[0] - total, total, out=out, where=total > 0)
    return out


def draw(week: Week, params: Params) -> Columns:
    """The multipliers of the arm's effects, as strong as this user listens; no luck is involved."""
    slower = -momentum(week.lives)
    slowing = (slower >= np.float32(params.slowing_from)) & (slower <= np.float32(params.slowing_to))
    by_kind = np.array(params.slowing_times, np.float32).take(week.traits.archetype)
    times = np.where(slowing, by_kind, np.float32(1))
    admins = week.traits.more.get("admins")
    if admins is not None:
        times *= np.where(admins > params.few_admins, np.float32(params.admins_times), np.float32(1))
    return {name: week.now[name] * times for name in REVISES}


def mean(week: Week, params: Params) -> Columns:
    """The same: nothing here is random."""
    return draw(week, params)


def features(params: Params) -> tuple[Feature, ...]:
    """Momentum of spend."""
    return (Feature("spend_momentum", -1.0, 3.0, _seen, cut=True),)


def _seen(traits: Traits, lives: Lives) -> NDArray[np.float32]:
    return momentum(lives)
