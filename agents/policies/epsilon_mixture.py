"""Another rule most of the time, any allowed arm else: the plainest way to make a log that can be evaluated."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

import agents
from agents.fixed import FixedAgent, spread_over
from agents.interface import Problem
from agents.parameters import AgentParams
from rage_env.errors import ConfigError
from rage_env.interface import Observation


class EpsilonMixtureParams(AgentParams):
    """epsilon: share of the probability spread evenly over allowed arms.

    base: name of the rule that has the rest; base_params: its parameters.
    """

    epsilon: float = Field(default=0.1, ge=0, le=1)
    base: str = "status_quo"
    base_params: dict[str, object] = Field(default_factory=dict)


class EpsilonMixture(FixedAgent):
    """(1 - epsilon) x base + epsilon x uniform over allowed arms; guardrails are ignored. The base is a fixed rule."""

    name = "epsilon_mixture"
    Params: ClassVar[type[AgentParams]] = EpsilonMixtureParams

    def __init__(self, params: AgentParams | None = None) -> None:
        """Raises ConfigError for a base that learns, UnknownNameError for one that does not exist."""
        super().__init__(params)
        base = agents.load(self._own.base, **self._own.base_params)
        if not isinstance(base, FixedAgent):
            rules = ", ".join(n for n in agents.names() if issubclass(agents.policy(n), FixedAgent))
            raise ConfigError(f"agent {self.name}: base {self._own.base!r} learns; give a rule: {rules}")
        self.base = base

    def start(self, problem: Problem) -> None:
        """Face this problem, base included. Raises ConfigError where the base cannot."""
        super().start(problem)
        self.base.start(problem)

    def wishes(self, observation: Observation) -> NDArray[np.float64]:
        """The mixture of both."""
        allowed = observation.action_mask.astype(np.float64)
        uniform = allowed / allowed.sum(axis=1, keepdims=True)
        base = spread_over(self.base.wishes(observation), observation.action_mask)
        mixed: NDArray[np.float64] = (1 - self._own.epsilon) * base + self._own.epsilon * uniform
        return mixed

    @property
    def _own(self) -> EpsilonMixtureParams:
        assert isinstance(self.params, EpsilonMixtureParams)
        return self.params
