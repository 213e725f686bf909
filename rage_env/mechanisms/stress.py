"""How strained a household's finances are: never observed, lasting in part, moved by shocks such as a lost job.

x_t = sqrt(lasting) u + sqrt(1 - lasting) s_t + shift of the group, where u is the person's own, s_t is AR(1) by week
and jumps up at rare shocks. Missed payments and what the bank sees before them hang on x_t. Assumed.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rage_env.randomness import Draw
from rage_env.state import Lives, Traits
from rage_env.week import Columns, MechanismParams, Newcomers, Week

__all__ = [
    "GIVES", "LATENT", "PARENTS", "Params", "advance", "draw", "joining", "level", "mean", "newcomers", "segments",
]  # fmt: skip

PARENTS: tuple[str, ...] = ()
GIVES = ("stress",)
LATENT = ("stress_base", "stress_start", "stress_shock")


class Params(MechanismParams):
    """lasting: share of variance that stays; ar: weekly autocorrelation of the rest; shocks: rate a week, size in sd.

    second_group: share of users in group 1, whose stress lies `second_group_shift` sd higher.
    """

    lasting: float = Field(ge=0, le=1)
    ar: float = Field(ge=0, lt=1)
    shock_rate: float = Field(ge=0, le=1)
    shock_size: float = Field(ge=0)
    second_group: float = Field(ge=0, le=1)
    second_group_shift: float


def level(traits: Traits, shock: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n,) x_t from the lasting part of these people and the moving part."""
    out: NDArray[np.float32] = traits.more["stress_base"] + shock
    return out


def newcomers(people: Newcomers, params: Params) -> Columns:
    """stress_base: the lasting part; stress_start: the moving part on joining; group: 0 or 1, observed."""
    own, start = people.luck.normals(Draw.STRESS_PERSON)
    second = people.luck.uniform(Draw.STRESS_GROUP) < np.float32(params.second_group)
    base = np.float32(math.sqrt(params.lasting)) * own + np.float32(params.second_group_shift) * second
    moving = np.float32(math.sqrt(1 - params.lasting)) * start
    return {"stress_base": base.astype(np.float32), "stress_start": moving, "group": second.astype(np.int8)}


def joining(traits: Traits, lives: Lives, params: Params) -> Columns:
    """stress_shock: the moving part."""
    return {"stress_shock": traits.more["stress_start"].copy()}


def draw(week: Week, params: Params) -> Columns:
    """stress: x_t as the week begins; no luck is involved."""
    return {"stress": level(week.traits, week.lives.more["stress_shock"])}


def mean(week: Week, params: Params) -> Columns:
    """The same."""
    return draw(week, params)


def advance(week: Week, params: Params) -> Columns:
    """The moving part of next week."""
    innovation, _ = week.noise.normals(Draw.STRESS_SHOCK)
    struck = week.noise.uniform64(Draw.STRESS_JUMP) < params.shock_rate
    ar = np.float32(params.ar)
    spread = np.float32(math.sqrt((1 - params.ar**2) * (1 - params.lasting)))
    after = ar * week.lives.more["stress_shock"] + spread * innovation
    return {"stress_shock": after + np.float32(params.shock_size) * struck.astype(np.float32)}


def segments(traits: Traits, lives: Lives, params: Params) -> dict[str, NDArray[np.int8]]:
    """group: for bounds on how differently two groups may be treated."""
    return {"group": traits.more["group"]}
