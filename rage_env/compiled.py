"""Luck that is worked out by compiled kernels, and tells mechanisms to use theirs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from rage_env import kernels
from rage_env.randomness import Noise

__all__ = ["CompiledNoise"]

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class CompiledNoise(Noise):
    """The same luck as Noise, to the last bit."""

    compiled: ClassVar[bool] = True

    def pair(self, draw: int) -> tuple[Floats, Floats]:
        """Two (n,) float32 uniforms."""
        return kernels.pair(self.keys, self.counter(draw))

    def uniform(self, draw: int) -> Floats:
        """The first of the pair alone."""
        return kernels.uniform(self.keys, self.counter(draw))

    def uniform64(self, draw: int) -> NDArray[np.float64]:
        """(n,) float64 uniforms of 52 bits."""
        return kernels.uniform64(self.keys, self.counter(draw))

    def below(self, draw: int, chance: Floats) -> Floats:
        """(n,) 1 where the uniform lies below the chance of that user, else 0."""
        return kernels.below(self.keys, self.counter(draw), chance)

    def below64(self, draw: int, chance: NDArray[np.floating]) -> Floats:
        """The same of a uniform of 52 bits."""
        return kernels.below64(self.keys, self.counter(draw), chance)
