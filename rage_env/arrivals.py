"""Arrivals of an open population: a world may start with some of its slots empty and fill them as it grows.

A slot opens once the growing share of open slots passes the slot's own uniform, so that the same people join in the
same week whatever the number of slots. A departed user's slot is refilled within the step, growth or not.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from rage_env.randomness import POPULATION_WEEK, Draw, Noise

__all__ = ["Arrivals", "opened"]


class Arrivals(BaseModel):
    """initial_share: of slots that hold a user at the start; growth: of that number a week, up to `until_week`.

    Read by open populations alone; a closed one holds a user in every slot from the start.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)
    initial_share: float = Field(gt=0, le=1)
    growth: float = Field(ge=0)
    until_week: int | None = Field(default=None, ge=0)

    def share(self, week: int) -> float:
        """Share of the slots that are open in a week."""
        grown = max(week, 0) if self.until_week is None else min(max(week, 0), self.until_week)
        if grown * math.log1p(self.growth) > 1 - math.log(self.initial_share):  # far beyond all slots, or all numbers
            return 1.0
        return min(self.initial_share * (1 + self.growth) ** grown, 1.0)


def opened(arrivals: Arrivals, luck: Noise, week: int) -> NDArray[np.bool_]:
    """(n,) slots that are open by this week. luck: of the slots' first persons."""
    first = Noise(luck.key, luck.keys, POPULATION_WEEK)
    return first.uniform64(Draw.ARRIVAL) < arrivals.share(week)
