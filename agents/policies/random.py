"""Draws uniformly among the allowed arms: what treating without thought costs, and a log rich in contrast."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from agents.fixed import FixedAgent, arm_index
from agents.interface import Problem
from agents.parameters import AgentParams
from rage_env.interface import Observation


class RandomParams(AgentParams):
    """arms: names or indices of the arms drawn among; all of them if none is named. A pilot of one arm names two."""

    arms: tuple[str | Annotated[int, Field(ge=0)], ...] = Field(default=(), strict=False)  # a YAML list will do


class Random(FixedAgent):
    """Every allowed arm with the same probability; guardrails are ignored."""

    name = "random"
    Params = RandomParams
    among: NDArray[np.float64]  # (k,) 1 for arms drawn among

    def start(self, problem: Problem) -> None:
        """Face this problem. Raises ConfigError where it has no such arm."""
        super().start(problem)
        assert isinstance(self.params, RandomParams)
        named = [arm_index(self.name, arm, problem) for arm in self.params.arms]
        self.among = np.ones(problem.k)
        if named:
            self.among = np.isin(np.arange(problem.k), named).astype(np.float64)

    def wishes(self, observation: Observation) -> NDArray[np.float64]:
        """The same weight on every allowed arm of those drawn among."""
        return np.asarray(observation.action_mask * self.among, dtype=np.float64)
