"""Agents that follow a rule and learn nothing: the floors and ceilings that learners are read against."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from agents.interface import Decision, Problem
from agents.parameters import Configured
from agents.sharing import one_per_unit
from rage_env.errors import ConfigError, DecisionError, did_you_mean
from rage_env.interface import NO_OFFER, Feedback, Observation

__all__ = ["FixedAgent", "arm_index", "spread_over"]


class FixedAgent(Configured):
    """Unconstrained and without a floor; a subclass says only how it treats a cohort (`wishes`)."""

    unconstrained = True
    problem: Problem | None = None

    def start(self, problem: Problem) -> None:
        """Face this problem."""
        self.problem = problem

    def wishes(self, observation: Observation) -> NDArray[np.float64]:
        """(n, k) weights of the arms, before masks; a row without weight on an allowed arm is left alone."""
        raise NotImplementedError

    def decide(self, observation: Observation) -> Decision:
        """The wishes, as far as masks allow; a unit's are met by their mean. Raises DecisionError before start."""
        if self.problem is None:
            raise DecisionError(f"{self.name}: decide came before start; call start(problem) first")
        probs = spread_over(self.wishes(observation), observation.action_mask)
        return Decision(one_per_unit(probs, observation)).check(observation)

    def learn(self, feedback: Feedback) -> None:
        """Learns nothing."""

    def describe(self) -> dict[str, object]:
        """Name and parameters."""
        return {"name": self.name, "unconstrained": True, "params": self.params.model_dump(mode="json")}

    def save(self) -> tuple[dict[str, NDArray[np.generic]], dict[str, object]]:
        """Nothing but the name."""
        return {}, {"name": self.name}

    def load(self, arrays: Mapping[str, NDArray[np.generic]], facts: Mapping[str, object]) -> None:
        """Inverse of save. Raises DecisionError for the state of another agent."""
        if facts.get("name") != self.name:
            raise DecisionError(f"{self.name}: cannot take the state of {facts.get('name')!r}; load it into that agent")


def spread_over(weights: NDArray[np.floating], action_mask: NDArray[np.int8]) -> NDArray[np.float32]:
    """(n, k) probabilities proportional to `weights` on allowed arms; what masks take away goes to arm 0."""
    allowed = weights * action_mask
    total = weights.sum(axis=1, keepdims=True)
    probs = allowed / np.where(total > 0, total, 1.0)
    probs[:, NO_OFFER] = 1.0 - probs[:, NO_OFFER + 1 :].sum(axis=1)
    return np.asarray(np.clip(probs, 0.0, 1.0), dtype=np.float32)


def arm_index(agent: str, arm: str | int, problem: Problem) -> int:
    """The index of an arm given by name or index. Raises ConfigError with the nearest name."""
    known = [a.name for a in problem.arms]
    if isinstance(arm, int) and arm < len(known):
        return arm
    if isinstance(arm, str) and arm in known:
        return known.index(arm)
    near = did_you_mean(arm, known) if isinstance(arm, str) else "."
    raise ConfigError(f"agent {agent}: arm {arm!r} is none of this world's arms{near} Arms: {', '.join(known)}.")
