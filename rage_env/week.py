"""What a mechanism sees of one week: a chunk of people, their arms, their luck, and what was settled before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from rage_env.arms import ArmTable
from rage_env.errors import WorldError
from rage_env.randomness import Noise
from rage_env.state import Archetype, FraudType, Lives, Traits

__all__ = ["START", "Columns", "Mechanism", "MechanismParams", "Newcomers", "Week", "When"]

Columns = dict[str, NDArray[Any]]  # float32 in a draw, float64 in a mean


class MechanismParams(BaseModel):
    """Numbers of one mechanism in a scenario file."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True)
class When:
    """Where a week stands: its number on the calendar (burn-in weeks are negative) and last week's cohort sums.

    sums: what the mechanisms' `totals` name, over the whole cohort, and `present`; empty in the first week. key: of
    seed and episode, for luck that a whole week shares.
    """

    week: int = 0
    sums: Mapping[str, float] = field(default_factory=dict)
    key: int = 0


START = When()


@dataclass(frozen=True, eq=False)
class Newcomers:
    """People who are being drawn, m of them: what mechanisms may add traits to."""

    luck: Noise  # under the population's own week
    slot: NDArray[np.int64]  # (m,) place in the whole cohort
    generation: NDArray[np.int64]  # (m,) how many people held the slot before
    traits: Traits
    lives: Lives
    slots: int | None = None  # of the whole cohort; None: no end is known


@dataclass(frozen=True, eq=False)
class Week:
    """A chunk of n people in one week. `now` holds the columns of the mechanisms that came before."""

    arms: ArmTable
    traits: Traits
    lives: Lives
    arm: NDArray[np.intp]  # (n,)
    luck: Noise | None  # absent while means are taken
    now: Mapping[str, NDArray[Any]]
    when: When = START
    base: Mapping[str, Any] = field(default_factory=dict)  # parameters by mechanism before any drift

    @property
    def noise(self) -> Noise:
        """The week's luck. Raises WorldError inside a conditional mean, which must not touch it."""
        if self.luck is None:
            raise WorldError("a conditional mean asked for luck; means integrate it out")
        return self.luck

    @property
    def compiled(self) -> bool:
        """Whether kernels take the place of NumPy; never while means are taken."""
        return self.luck is not None and self.luck.compiled

    def shifted(
        self, level: NDArray[np.float32], table: NDArray[np.float32], strength: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """(n,) the level, moved by what the arm does to the user's archetype (table) times how strongly it is felt."""
        if self.compiled:
            from rage_env import kernels

            return kernels.shifted(level, table, self.felt, self.traits.archetype, strength)
        out: NDArray[np.float32] = level + table.take(self.cell) * strength
        return out

    @cached_property
    def cell(self) -> NDArray[np.intp]:
        """(n,) index of (arm felt, archetype) into the flattened effect tables."""
        return self.felt * len(Archetype) + self.kind

    @cached_property
    def kind(self) -> NDArray[np.intp]:
        """(n,) archetypes as indices."""
        return self.traits.archetype.astype(np.intp)

    @cached_property
    def here(self) -> NDArray[np.bool_]:
        """(n,) who has joined and not left."""
        return self.lives.alive & (self.lives.age >= 0)

    @cached_property
    def cheats(self) -> NDArray[np.intp]:
        """(m,) rows of users of any fraud type but honest."""
        return np.flatnonzero(self.traits.fraud_type != FraudType.HONEST)

    @cached_property
    def alive(self) -> NDArray[np.float32]:
        """(n,) 1 for those who have not left."""
        return self.lives.alive.astype(np.float32)

    @property
    def felt(self) -> NDArray[np.intp]:
        """(n,) the arm that reached the user: the chosen one, unless a mechanism says that it did not."""
        felt: NDArray[np.intp] = self.now.get("felt", self.arm)
        return felt

    @property
    def n(self) -> int:
        """People in the chunk."""
        return len(self.arm)

    def rows(self, at: slice) -> Week:
        """The same week of some of these people; views."""
        now = {name: column[..., at] if column.ndim else column for name, column in self.now.items()}
        luck = None if self.luck is None else replace(self.luck, keys=self.luck.keys[at])
        return replace(
            self, traits=self.traits.rows(at), lives=self.lives.rows(at), arm=self.arm[at], luck=luck, now=now
        )


class Mechanism(Protocol):
    """What a module in rage_env/mechanisms must hold; rage_env/hooks.py lists what it may hold beside."""

    PARENTS: ClassVar[tuple[str, ...]]
    GIVES: ClassVar[tuple[str, ...]]
    Params: ClassVar[type[MechanismParams]]

    def draw(self, week: Week, params: Any) -> Columns:
        """The columns it gives, (n,) float32 each, from state, arm, parents and luck."""
        ...

    def mean(self, week: Week, params: Any) -> Columns:
        """Their conditional means given the state before the week, (n,) float64 each."""
        ...
