"""A customer's way from engaged to lost: a latent risk level between 0 and 1 that sets how often the customer orders.

Levels below a third are low risk, above two thirds high. Each week wears the bond a little and each order mends it, so
that whoever stops ordering slides on. Orders a month by level follow the tiers' published ranges.
"""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from rage_env.randomness import POPULATION_WEEK, Draw, Noise
from rage_env.state import Lives, Traits
from rage_env.week import Columns, MechanismParams, Week

__all__ = [
    "GIVES", "LATENT", "PARENTS", "TIERS", "Params", "advance", "draw", "joining", "mean", "monthly_orders", "tier",
]  # fmt: skip

PARENTS: tuple[str, ...] = ()
GIVES = ("activity_shift", "hazard_shift")
LATENT = ("risk_level",)

TIERS = ("low", "medium", "high")
_WEEKS_A_MONTH = 52 / 12
_EDGES = np.linspace(0.0, 1.0, len(TIERS) + 1)
_RAREST = 1e-3


class Params(MechanismParams):
    """mix: shares of low, medium and high risk at the start. Newcomers start at the low end.

    orders_a_month: at risk levels 0, 1/3, 2/3 and 1, falling. A week adds `wear` to the level, an order takes `mending`
    away, luck moves it with sd step_sd. hazard: log hazard of leaving per unit of level above the middle.
    """

    mix: tuple[float, float, float]
    orders_a_month: tuple[float, float, float, float]
    wear: float = Field(ge=0, le=1)
    mending: float = Field(ge=0, le=1)
    step_sd: float = Field(ge=0, le=1)
    hazard: float

    @model_validator(mode="after")
    def _is_a_way_down(self) -> Self:
        if any(p < 0 for p in self.mix) or abs(sum(self.mix) - 1) > 1e-9:
            raise ValueError(f"mix: shares must be >= 0 and sum to 1; they sum to {sum(self.mix):g}")
        if any(x <= 0 for x in self.orders_a_month) or list(self.orders_a_month) != sorted(self.orders_a_month)[::-1]:
            raise ValueError(f"orders_a_month: must be above 0 and fall with the level, got {self.orders_a_month}")
        return self


def tier(level: NDArray[np.float32]) -> NDArray[np.int8]:
    """(n,) 0 low, 1 medium, 2 high."""
    return np.searchsorted(_EDGES[1:-1], level, side="right").astype(np.int8)


def monthly_orders(level: NDArray[np.float32], params: Params) -> NDArray[np.float32]:
    """(n,) orders a month at these levels, linear between the tiers' edges."""
    return np.interp(level, _EDGES, params.orders_a_month).astype(np.float32)


def joining(traits: Traits, lives: Lives, params: Params) -> Columns:
    """risk_level: uniform inside the tier that the mix gives; newcomers in the low third."""
    which, within = Noise(0, traits.key, POPULATION_WEEK).pair(Draw.RISK_LEVEL)
    at = np.searchsorted(np.cumsum(params.mix)[:-1], which, side="right")
    at = np.where(lives.age <= 0, 0, at)
    return {"risk_level": ((at + within) / len(TIERS)).astype(np.float32)}


def draw(week: Week, params: Params) -> Columns:
    """activity_shift: logit of ordering at all in the week; hazard_shift: log hazard; no luck is involved."""
    level = week.lives.more["risk_level"]
    weekly = np.clip(1 - np.exp(-monthly_orders(level, params) / _WEEKS_A_MONTH), _RAREST, 1 - _RAREST)
    shift = np.log(weekly / (1 - weekly)).astype(np.float32)
    return {"activity_shift": shift, "hazard_shift": np.float32(params.hazard) * (level - np.float32(0.5))}


def mean(week: Week, params: Params) -> Columns:
    """The same: nothing here is random."""
    return draw(week, params)


def advance(week: Week, params: Params) -> Columns:
    """risk_level after the week; nothing moves before a customer has joined."""
    step, _ = week.noise.normals(Draw.RISK_STEP)
    moved = np.float32(params.wear) - np.float32(params.mending) * week.now["active"]
    before = week.lives.more["risk_level"]
    level = np.clip(before + moved + np.float32(params.step_sd) * step, np.float32(0), np.float32(1))
    return {"risk_level": np.where(week.lives.age >= 0, level, before)}
