"""Normal and binary outcomes with a known mean: one row a user, or eight with half of the variance the user's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from experiments.coverage.sample import Floats, Sample

__all__ = ["Textbook"]

EFFECT = np.array([0.0, 0.2, -0.1])
TARGET = np.array([[0.6, 0.3, 0.1], [0.7, 0.2, 0.1]])  # by x; x is 0 or 1 with equal chance
LOGGED = np.array([[0.6, 0.2, 0.2], [0.2, 0.6, 0.2]])
BY_X, LEVEL, NOISE = 0.2, 0.35, 0.5


@dataclass(frozen=True)
class Textbook:
    """Mean reward `LEVEL + BY_X x + effect of the arm`. weeks > 1: an intraclass correlation of .5."""

    kind: Literal["normal", "binary"]
    users: int
    weeks: int
    goal: tuple[float, float] = (0.94, 0.965)

    @property
    def name(self) -> str:
        """`kind, one row a user` or `kind, ICC .5`."""
        return f"{self.kind}, {'one row a user' if self.weeks == 1 else f'{self.weeks} rows a user, ICC .5'}"

    @property
    def bounds(self) -> tuple[float, float, float] | None:
        """Of a binary reward, and of the weights."""
        return (0.0, 1.0, float((TARGET / LOGGED).max())) if self.kind == "binary" else None

    @property
    def losses(self) -> None:
        """None: nobody loses."""

    @property
    def truth(self) -> float:
        """Exact."""
        return LEVEL + BY_X / 2 + float((TARGET @ EFFECT).mean())

    def draw(self, rng: np.random.Generator) -> Sample:
        """Users whose x and luck of their own stay for all weeks."""
        n = self.users * self.weeks
        x = np.tile(rng.integers(0, 2, self.users), self.weeks)
        logged = LOGGED[x]
        arm = (rng.random((n, 1)) > logged.cumsum(axis=1)).sum(axis=1)
        means = LEVEL + BY_X * x[:, None] + EFFECT
        mean = means[np.arange(n), arm]
        reward = self._normal(rng, mean) if self.kind == "normal" else self._binary(rng, mean)
        features = np.column_stack([x, rng.normal(size=n)]).astype(np.float64)
        propensity = logged[np.arange(n), arm]
        return Sample(arm, propensity, reward, TARGET[x], features, means - 0.5 * EFFECT, self.users)

    def _normal(self, rng: np.random.Generator, mean: Floats) -> Floats:
        if self.weeks == 1:
            return np.asarray(mean + NOISE * rng.normal(size=len(mean)))
        own = np.tile(rng.normal(size=self.users), self.weeks)
        return np.asarray(mean + NOISE * np.sqrt(0.5) * (own + rng.normal(size=len(mean))))

    def _binary(self, rng: np.random.Generator, mean: Floats) -> Floats:
        """With weeks, each user has a rank of luck of their own, used every other week on average."""
        luck = rng.random(len(mean))
        if self.weeks > 1:
            own = np.tile(rng.random(self.users), self.weeks)
            luck = np.where(rng.random(len(mean)) < np.sqrt(0.5), own, luck)  # two weeks share it with chance 1/2
        return (luck < mean).astype(np.float64)
