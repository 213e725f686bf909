"""SquareCB under guardrails: chances fall with the gap to the best arm, scores being value less priced usage.

Inverse-gap weighting (Foster and Rakhlin 2020) explores all arms, the bad ones rarely; the prices are those at which
the randomised usage keeps every guardrail, since exploring uses them up too. The weights sharpen with the square root
of the treated rows learned.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from agents.barrier import Barrier
from agents.interface import Decision, Reason
from agents.learner import Learner, LearnerParams, reasons
from agents.parameters import AgentParams
from agents.safety import Guard
from rage_env.interface import Observation


class SquareCBParams(LearnerParams):
    """gamma: sharpness per square root of treated rows, in units of the mean gain between a user's arms."""

    gamma: float = Field(default=1.0, gt=0, le=1e6, allow_inf_nan=False)


class SquareCB(Learner):
    """Every allowed arm keeps a chance; the log can be evaluated for any policy."""

    name = "squarecb"
    Params: ClassVar[type[AgentParams]] = SquareCBParams

    def choose(self, observation: Observation, guard: Guard, start: NDArray[np.float64]) -> Decision:
        """Inverse gaps at the prices that keep the cautious rows, linear around last week's plan."""
        value = guard.outlook.value
        least = guard.floor[:, None] * observation.action_mask
        barrier = Barrier(value, guard.cuts(start), observation, least)
        wanted, _ = barrier.solve(self._gamma(barrier.gain))
        probs = guard.kept(wanted)
        reason = reasons(probs, observation)
        unsure = (reason == Reason.TARGETED) & (probs.max(axis=1) < 0.5)
        return Decision(probs, None, np.where(unsure, Reason.EXPLORED, reason).astype(np.int8))

    def _gamma(self, gain: float) -> float:
        """Per dollar."""
        assert isinstance(self.params, SquareCBParams)
        treated = float(self.belief.churn.rows[1:].sum())
        return float(self.params.gamma * np.sqrt(1.0 + treated) / gain)
