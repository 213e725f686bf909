"""What a bet on a ratio is about: limit, cap, bounds, ages and null, checked before any data come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from experiments.monitors.batch import Batch
from experiments.monitors.betting import stakes
from experiments.monitors.interface import open_share, positive, whole
from rage_env.errors import ConfigError

__all__ = ["Null", "Terms", "as_ages"]

Floats = NDArray[np.float64]
Null = Literal["cohort", "population"]


@dataclass(frozen=True)
class Terms:
    """What is bet on: x = sign x (loss - limit x min(denominator, cap)), never under -worst_usd a row.

    sign: 1 bets that the limit is broken, -1 that it is kept. Raises ConfigError naming every problem's value.
    """

    limit: float
    cap_usd: float
    worst_usd: float
    sign: Literal[1, -1]
    alpha: float
    ages: tuple[int, ...]
    null: Null = "cohort"
    window_weeks: int = 1
    shared_shock: bool = False
    rows_per_unit: int = 1
    group: int | None = None
    points: int = 24

    def __post_init__(self) -> None:
        for name in ("limit", "cap_usd", "worst_usd"):
            positive(name, getattr(self, name))
        open_share("alpha", self.alpha)
        for name, least in (("window_weeks", 1), ("rows_per_unit", 1), ("points", 1)):
            whole(name, getattr(self, name), least)
        if not self.ages or len(set(self.ages)) < len(self.ages) or min(self.ages) < 0:
            raise ConfigError(f"ages: must be different whole numbers of weeks from 0, got {list(self.ages)}")
        if self.null not in get_args(Null):
            raise ConfigError(f"null: must be one of {', '.join(get_args(Null))}, got {self.null!r}")
        if self.window_weeks > 1 and self.null == "cohort":
            raise ConfigError("window_weeks: the cohort null takes user-weeks one by one; use null population")

    @property
    def claim(self) -> str:
        """The null in words."""
        whom = "this cohort's expected loss, decisions as made, summed over all weeks up to any week,"
        if self.null == "population":
            whom = f"the expected loss of a unit of the population over {self.window_weeks} weeks"
        at_most = "at most" if self.sign == 1 else "at least"
        return f"H0: {whom} is {at_most} {self.limit:g} x the denominator capped at ${self.cap_usd:g} a user-week"

    @property
    def stake(self) -> Floats:
        """(l,) stakes that the worst unit cannot ruin."""
        return stakes(self.worst_usd * self.rows_per_unit * self.window_weeks, self.points)

    def x(self, batch: Batch) -> Floats:
        """(n,) what each row pays. Raises LogError for rows outside the declared bounds."""
        batch.refuse(batch.value < 0, "value", "is a loss and must be >= 0")
        capped = self.capped(batch)
        if self.sign == 1:
            return np.asarray(batch.value - self.limit * capped, np.float64)
        worst = self.worst_usd * self.window_weeks
        batch.refuse(batch.value > worst, "value", f"must not exceed the declared bound on losses, {worst:g}")
        return np.asarray(self.limit * capped - batch.value, np.float64)

    def capped(self, batch: Batch) -> Floats:
        """(n,) denominators, none above the cap."""
        held = batch.require("denominator", "a ratio needs what it is a share of")
        return np.asarray(np.minimum(held, self.cap_usd * self.window_weeks), np.float64)


def as_ages(ages: Sequence[int]) -> tuple[int, ...]:
    """The ages in rising order. Raises ConfigError where one is not a whole number."""
    return tuple(sorted(whole("ages", int(a) if isinstance(a, np.integer) else a, 0) for a in ages))
