"""A plain rule made fit for offline study: every allowed arm keeps a declared least propensity."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from agents.interface import Problem
from agents.leaning import OfferByPlace, OfferParams, Signals
from agents.parameters import AgentParams
from rage_env.errors import ConfigError
from rage_env.interface import Observation


class DeterministicFloorParams(OfferParams):
    """share: of present units who get `arm`, those who come first by `signals` (who ties goes together).

    floor: propensity of every allowed arm but the rule's own, which has all the rest.
    """

    signals: Signals = Field(default={"churn_signal": 1.0})
    share: float = Field(default=0.2, ge=0, le=1)
    floor: float = Field(default=0.01, gt=0, lt=1)


class DeterministicFloor(OfferByPlace):
    """Yes to the first `share` of the units, no to all others, each against the floor; guardrails are ignored."""

    name = "deterministic_floor"
    Params: ClassVar[type[AgentParams]] = DeterministicFloorParams

    def start(self, problem: Problem) -> None:
        """Face this problem. Raises ConfigError where the floor under all arms leaves nothing to the rule."""
        super().start(problem)
        if self._own.floor * problem.k >= 1:
            raise ConfigError(
                f"agent {self.name}: floor {self._own.floor:g} under {problem.k} arms leaves the rule nothing; "
                f"keep it below {1 / problem.k:.4g}"
            )

    def chance(self, place: NDArray[np.float64]) -> NDArray[np.float64]:
        """1 for the first `share`, else 0."""
        return (place > 1 - self._own.share).astype(np.float64)

    def wishes(self, observation: Observation) -> NDArray[np.float64]:
        """The rule's choice, or arm 0 where that is masked, mixed with the floor under every allowed arm."""
        allowed = observation.action_mask.astype(np.float64)
        choice = super().wishes(observation) * allowed
        choice[:, 0] = 1.0 - choice[:, 1:].sum(axis=1)
        floor = self._own.floor * allowed
        mixed: NDArray[np.float64] = floor + (1.0 - floor.sum(axis=1, keepdims=True)) * choice
        return mixed

    @property
    def _own(self) -> DeterministicFloorParams:
        assert isinstance(self.params, DeterministicFloorParams)
        return self.params
