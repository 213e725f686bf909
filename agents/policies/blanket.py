"""One offer for all: the campaign that asks nobody who they are."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from agents.fixed import FixedAgent, arm_index
from agents.interface import Problem
from agents.parameters import AgentParams
from rage_env.interface import Observation


class BlanketParams(AgentParams):
    """arm: name or index of the arm that everybody gets where it is allowed."""

    arm: str | Annotated[int, Field(ge=0)] = 1


class Blanket(FixedAgent):
    """The same arm for every user who may have it, arm 0 for the rest; guardrails are ignored."""

    name = "blanket"
    Params = BlanketParams
    arm = 0

    def start(self, problem: Problem) -> None:
        """Face this problem. Raises ConfigError where it has no such arm."""
        super().start(problem)
        assert isinstance(self.params, BlanketParams)
        self.arm = arm_index(self.name, self.params.arm, problem)

    def wishes(self, observation: Observation) -> NDArray[np.float64]:
        """All weight on the one arm."""
        weights = np.zeros((observation.n, observation.k))
        weights[:, self.arm] = 1.0
        return weights
