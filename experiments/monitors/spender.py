"""Spends alpha look by look: what z must reach, given how this look hangs together with those before it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.monitors.contrast import Comparison, Contrast, chain_correlation, kept_for_later, look_correlations
from experiments.monitors.recursion import lower_boundary, next_boundary, passed, start
from experiments.monitors.spending import spent

__all__ = ["Rule", "Spender"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Rule:
    """How much error may be spent by when. Raises ConfigError and UnknownNameError before any data come."""

    alpha: float
    sides: int
    spending: str
    shape: float | None

    def __post_init__(self) -> None:
        self.by(1.0)

    def by(self, time: float) -> float:
        """Error spent by this share of the plan."""
        return float(spent(np.array([time]), self.alpha, self.sides, self.spending, self.shape)[0])


class Spender:
    """Remembers the looks that were tested, and where z may stand after them.

    misses: what may be spent on overlooking `least_effect`; None where no look is called futile.
    """

    def __init__(self, rule: Rule, misses: Rule | None = None, least_effect: float | None = None) -> None:
        self.rule, self.misses, self.least_effect = rule, misses, least_effect
        self._tested: list[Floats] = []  # (n,) what later looks need of each
        self._stderr: list[float] = []
        self._chain = np.empty(0)  # correlation of each with the latest, as the boundary takes it
        self._survivors, self._hopeful, self._time = start(), start(), 0.0

    @property
    def most_information(self) -> float:
        """Of all looks so far; 0 before the first."""
        return min(self._stderr, default=math.inf) ** -2

    def next(self, x: Floats, now: Contrast, who: Comparison, time: float) -> tuple[float, float]:
        """What |z| must reach, and the z at or under which the look is futile, once `time` of the plan has passed.

        x: (n,) users' values, whose contrast is `now`.
        """
        rho: Floats = np.zeros(())
        if self._tested:
            row = look_correlations(now, self._tested, self._stderr, who)
            rho, self._chain = chain_correlation(row, self._chain, who.smallest_arm)
        else:
            self._chain = np.ones(1)
        spend = self.rule.by(time) - (self.rule.by(self._time) if self._tested else 0.0)
        bound, self._survivors = next_boundary(self._survivors, rho, spend, self.rule.sides)
        futile = self._next_futile(now, float(rho), time, float(bound))
        self._time = time
        self._tested.append(kept_for_later(x, now, who))
        self._stderr.append(float(now.stderr))
        return float(bound), futile

    def _next_futile(self, now: Contrast, rho: float, time: float, bound: float) -> float:
        if self.misses is None or self.least_effect is None:
            return -math.inf
        spend = self.misses.by(time) - (self.misses.by(self._time) if self._tested else 0.0)
        mean = self.least_effect / float(now.stderr)
        futile = min(lower_boundary(self._hopeful, rho, spend, mean), bound)
        _, _, self._hopeful = passed(self._hopeful, rho, futile, bound, mean)
        return futile
