"""Rules that offer one arm by where a user stands in what is observed: how biased logs come about."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from agents.fixed import FixedAgent, arm_index
from agents.interface import Problem
from agents.parameters import AgentParams
from agents.signals import refuse_unknown, standing
from rage_env.errors import ConfigError
from rage_env.interface import NO_OFFER, Observation

__all__ = ["Leaning", "LeaningParams", "OfferByPlace", "OfferParams", "Signals"]

Signals = Annotated[dict[str, Annotated[float, Field(allow_inf_nan=False)]], Field(min_length=1)]


class OfferParams(AgentParams):
    """arm: name or index of the offer. signals: {feature: weight in standard deviations} that say who comes first."""

    arm: str | Annotated[int, Field(ge=1)] = 1
    signals: Signals


class OfferByPlace(FixedAgent):
    """Offers `arm` with a probability that depends on a user's place alone, arm 0 otherwise; guardrails are ignored.

    A place is the share of present units that score lower.
    """

    Params: ClassVar[type[AgentParams]] = OfferParams
    arm = 1

    def start(self, problem: Problem) -> None:
        """Face this problem. Raises ConfigError where it lacks the arm or a signal."""
        assert isinstance(self.params, OfferParams)
        super().start(problem)
        self.arm = arm_index(self.name, self.params.arm, problem)
        if self.arm == NO_OFFER:
            raise ConfigError(f"agent {self.name}: arm {self.params.arm!r} leaves users alone; name an offer")
        refuse_unknown(self.name, self.params.signals, problem.feature_names)

    def chance(self, place: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n,) probability of the offer at these places."""
        raise NotImplementedError

    def wishes(self, observation: Observation) -> NDArray[np.float64]:
        """The offer's probability by place, the rest on arm 0."""
        assert self.problem is not None
        assert isinstance(self.params, OfferParams)
        place = standing(observation, self.params.signals, self.problem.feature_names)
        weights = np.zeros((observation.n, observation.k))
        weights[:, self.arm] = self.chance(place)
        weights[:, NO_OFFER] = 1.0 - weights[:, self.arm]
        return weights


class LeaningParams(OfferParams):
    """least, most: probability of the offer for who comes last and first; everyone else lies between, by place."""

    least: float = Field(default=0.1, ge=0, le=1)
    most: float = Field(default=0.9, ge=0, le=1)

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if self.least > self.most:
            raise ValueError(f"least must not exceed most; got {self.least:g} > {self.most:g}")
        return self


class Leaning(OfferByPlace):
    """Offers with probability least + (most - least) x place: either arm keeps a chance where 0 < least, most < 1."""

    Params: ClassVar[type[AgentParams]] = LeaningParams

    def chance(self, place: NDArray[np.float64]) -> NDArray[np.float64]:
        """Linear in the place."""
        assert isinstance(self.params, LeaningParams)
        return self.params.least + (self.params.most - self.params.least) * place
