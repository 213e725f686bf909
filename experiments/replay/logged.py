"""The agent that decides as a log says, so that a log's own weeks are judged like anybody's."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from agents.interface import Decision, Problem
from rage_env.errors import DecisionError
from rage_env.interface import Feedback, Observation
from rage_env.log import CohortLog

__all__ = ["Logged"]


class Logged:
    """Repeats a log's probabilities; where those are withheld, its arms for certain. Learns nothing."""

    name = "logged"

    def __init__(self, log: CohortLog, *, unconstrained: bool) -> None:
        """unconstrained: as whoever wrote the log, since arms are drawn accordingly."""
        self.log, self.unconstrained = log, unconstrained

    def start(self, problem: Problem) -> None:
        """Nothing to prepare."""

    def decide(self, observation: Observation) -> Decision:
        """What was decided in that week."""
        week = self.log.weeks[observation.week]
        if not np.array_equal(week.user_id, observation.user_id):
            raise DecisionError(f"week {observation.week}: other users than in the log; the world is not the log's")
        if week.probs is not None:
            return Decision(week.probs)
        return Decision(np.eye(observation.k, dtype=np.float32)[week.arm])

    def learn(self, feedback: Feedback) -> None:
        """Learns nothing."""

    def describe(self) -> dict[str, object]:
        """Its name."""
        return {"name": self.name}

    def save(self) -> tuple[dict[str, NDArray[np.generic]], dict[str, object]]:
        """Nothing but the name."""
        return {}, {"name": self.name}

    def load(self, arrays: Mapping[str, NDArray[np.generic]], facts: Mapping[str, object]) -> None:
        """Nothing to take."""
