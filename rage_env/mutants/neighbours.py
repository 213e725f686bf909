"""People who depend on who else is there, or on what happens to others in the same week."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rage_env import seating
from rage_env.cohort import CohortEnv
from rage_env.mechanisms import muting
from rage_env.randomness import Noise
from rage_env.state import Lives, Traits
from rage_env.week import START, Columns, When
from rage_env.world import World

__all__ = ["ContagionWithinTheWeek", "MutedByPlace", "SpendRelativeToCohort", "UnitDivided"]


class SpendRelativeToCohort(CohortEnv):
    """Spend levels are centred on the cohort that happens to be drawn."""

    def _begin(self) -> None:
        super()._begin()
        spend = self.traits.log_spend
        spend += self.world.population.log_level - spend.mean()


class _ContagiousWorld(World):
    def live(
        self,
        traits: Traits,
        lives: Lives,
        arm: NDArray[np.intp],
        luck: Noise,
        *,
        when: When = START,
        may_leave: bool = True,
    ) -> tuple[Columns, Lives]:
        now, _ = super().live(traits, lives, arm, luck, when=when, may_leave=may_leave)
        upset = seating.colleagues(traits.more["account"], now["negative_reaction"]) > 0
        seen = lives.with_columns(dict.fromkeys(("unrest", "angry_admin"), upset.astype(np.float32)))
        return super().live(traits, seen, arm, luck, when=when, may_leave=may_leave)


class ContagionWithinTheWeek(CohortEnv):
    """Colleagues' reactions act in the week in which they happen."""

    needs, home = ("accounts", "reactions"), "b2b_nudge"

    def __init__(self, *args: Any, **keywords: Any) -> None:  # Any: those of CohortEnv
        super().__init__(*args, **keywords)
        self.world = _ContagiousWorld(self.scenario)


class UnitDivided(CohortEnv):
    """Every second user is left alone, whatever was decided for the account."""

    needs, home = ("accounts",), "b2b_nudge"

    def _checked(self, actions: NDArray[np.int64]) -> NDArray[np.intp]:
        return np.where(self.traits.user_id % 2, 0, super()._checked(actions)).astype(np.intp)


class MutedByPlace(CohortEnv):
    """What a seat has muted belongs to its place in the shard, not to the seat."""

    needs, home = ("muting",), "b2b_nudge"

    def _draw(self, user_id: NDArray[np.int64], *, newborn: bool) -> tuple[Traits, Lives]:
        traits, lives = super()._draw(user_id, newborn=newborn)
        place = np.arange(len(user_id))
        muted = muting.drivers(self.key, place, {}, self.scenario.used["muting"])["muted"]
        return traits.with_columns({"muted": muted.astype(np.float32)}), lives
