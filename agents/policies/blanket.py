"""One offer for all: the campaign that asks nobody who they are."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from agents.fixed import FixedAgent
from agents.interface import Problem
from agents.parameters import AgentParams
from rage_env.errors import ConfigError, did_you_mean
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
        self.arm = _index(self.params.arm, [a.name for a in problem.arms])

    def wishes(self, observation: Observation) -> NDArray[np.float64]:
        """All weight on the one arm."""
        weights = np.zeros((observation.n, observation.k))
        weights[:, self.arm] = 1.0
        return weights


def _index(arm: str | int, known: list[str]) -> int:
    if isinstance(arm, int) and arm < len(known):
        return arm
    if isinstance(arm, str) and arm in known:
        return known.index(arm)
    near = did_you_mean(arm, known) if isinstance(arm, str) else "."
    raise ConfigError(f"agent blanket: arm {arm!r} is none of this world's arms{near} Arms: {', '.join(known)}.")
