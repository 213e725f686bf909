"""The step oracle beside a run: in the agent's own states, what would doing nothing and the oracles have brought?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.observable import ObservableModel
from experiments.oracle import LatentOracle, ObservableOracle
from experiments.week_truth import WeekTruth
from rage_env.interface import NO_OFFER

__all__ = ["Step", "Yardstick"]


@dataclass(frozen=True)
class Step:
    """Expected value of one week in one state, usd per assigned user, under four ways to act."""

    week: int
    agent: float
    no_offer: float
    oracle_observable: float
    oracle_latent: float

    @property
    def share(self) -> float:
        """What the agent gained of what oracle_observable gains; NaN where that gains nothing."""
        best = self.oracle_observable - self.no_offer
        return (self.agent - self.no_offer) / best if best > 0 else float("nan")


class Yardstick:
    """Solves both oracles every so many weeks, never if 0. Remembers their prices, to start from the next time."""

    def __init__(self, model: ObservableModel | None, every_weeks: int) -> None:
        """model: None where no week is sampled."""
        self.every_weeks = every_weeks
        self._latent, self._observable = LatentOracle(), None if model is None else ObservableOracle(model)

    def measure(self, truth: WeekTruth, probs: NDArray[np.floating]) -> Step | None:
        """The step of this week under probs (n, k); None in weeks that are not sampled."""
        week, n = truth.observation.week, truth.observation.n
        if self._observable is None or not self.every_weeks or week % self.every_weeks:
            return None
        nobody = np.zeros_like(probs)
        nobody[:, NO_OFFER] = 1.0
        latent, _ = self._latent.solve(truth)
        seen, _ = self._observable.solve(truth)
        return Step(
            week,
            truth.step_value(probs) / n,
            truth.step_value(nobody) / n,
            truth.step_value(seen) / n,
            truth.step_value(latent) / n,
        )
