"""Luck that belongs to something else than one person in one week of one seed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rage_env.cohort import CohortEnv
from rage_env.randomness import Noise, person_keys

__all__ = ["LuckByRow", "SeedIgnored", "SeedsShareValues", "UniformReachesOne", "WeeksShareValues"]

Info = dict[str, Any]  # Gymnasium's own type
_PAST = 520  # no burn-in is longer: weeks are counted from 0


class LuckByRow(CohortEnv):
    """Luck belongs to the place in a chunk, not to the person."""

    def luck(self, rows: slice, week: int) -> Noise:
        """Keys of rows."""
        luck = super().luck(rows, week)
        return Noise(luck.key, person_keys(luck.key, np.arange(len(luck.keys))), luck.week)


class _ReachingOne(Noise):
    def uniform(self, draw: int) -> NDArray[np.float32]:
        h = self._hash(draw) >> np.uint64(40)
        return (h.astype(np.float32) + np.float32(0.5)) * np.float32(2.0**-24)


class UniformReachesOne(CohortEnv):
    """Uniforms are (k + 1/2) 2^-24, which float32 rounds up to 1."""

    def luck(self, rows: slice, week: int) -> Noise:
        """The same hashes, read carelessly."""
        luck = super().luck(rows, week)
        return _ReachingOne(luck.key, luck.keys, luck.week)


class SeedIgnored(CohortEnv):
    """Every reset draws a world of its own."""

    resets = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], Info]:
        """Never the seed that was given."""
        SeedIgnored.resets += 1
        return super().reset(seed=None if seed is None else seed + SeedIgnored.resets, options=options)


class _Shared(Noise):
    """Luck whose keys are the persons' own numbers, and whose key is the seed itself."""

    def take(self, rows: NDArray[np.intp]) -> Noise:
        return type(self)(self.key, self.keys[rows], self.week)


class _SharedBySeeds(_Shared):
    def _hash(self, draw: int) -> NDArray[np.uint64]:
        return person_keys(0, (self.keys ^ np.uint64(self.key)).view(np.int64) + (self.week << 32) + (int(draw) << 24))


class _SharedByWeeks(_Shared):
    def _hash(self, draw: int) -> NDArray[np.uint64]:
        return person_keys(int(draw), (self.keys + np.uint64(self.key + self.week)).view(np.int64))


class SeedsShareValues(CohortEnv):
    """Keys mix user ^ seed, so that users swap their luck between seeds."""

    def luck(self, rows: slice, week: int) -> Noise:
        """Of users and seed, carelessly mixed."""
        return _SharedBySeeds(
            self._seed or 0, self.traits.user_id[rows].astype(np.uint64), super().luck(rows, week).week
        )


class WeeksShareValues(CohortEnv):
    """Keys mix seed + user + week, so that a user has next week the luck that another has now."""

    def luck(self, rows: slice, week: int) -> Noise:
        """Of users, seed and week, carelessly mixed."""
        return _SharedByWeeks(
            self._seed or 0, self.traits.user_id[rows].astype(np.uint64), super().luck(rows, week).week
        )
