"""A fresh log with the target and the reward model that go with it: what a population draws once a repetition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Population", "Sample"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows of a log; those of a user stand `weeks` apart, so user = row % users."""

    arm: NDArray[np.int64]  # (n,)
    propensity: Floats  # (n,)
    reward: Floats  # (n,)
    target: Floats  # (n, k)
    features: Floats  # (n, d)
    given: Floats  # (n, k) a reward model from elsewhere, not quite right
    users: int

    @property
    def user(self) -> NDArray[np.int64]:
        """(n,)"""
        return np.arange(len(self.arm)) % self.users


class Population(Protocol):
    """Where samples come from."""

    @property
    def name(self) -> str:
        """As a page calls it."""
        ...

    @property
    def users(self) -> int:
        """Users of a sample."""
        ...

    @property
    def goal(self) -> tuple[float, float]:
        """Accepted coverage of a 95 % interval, but for Monte Carlo error."""
        ...

    @property
    def bounds(self) -> tuple[float, float, float] | None:
        """Least and most of a reward, and the heaviest weight; None where nothing bounds it."""
        ...

    @property
    def losses(self) -> tuple[float, float, float] | None:
        """Cap beyond which a loss is rare, worst a row can lose, heaviest weight; None where nobody loses."""
        ...

    @property
    def truth(self) -> float:
        """The target's value in the superpopulation."""
        ...

    def draw(self, rng: np.random.Generator) -> Sample:
        """Fresh users."""
        ...
