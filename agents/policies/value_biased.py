"""Offers to those who spend most: the loyalty campaign whose log takes credit for customers it did not make."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from agents.leaning import Leaning, LeaningParams, Signals
from agents.parameters import AgentParams


class ValueBiasedParams(LeaningParams):
    """signals: who spent most in the last four weeks comes first."""

    signals: Signals = Field(default={"log_gmv_4w": 1.0})


class ValueBiased(Leaning):
    """Leans towards high spenders: they are worth more with or without an offer, so the naive effect is too high."""

    name = "value_biased"
    Params: ClassVar[type[AgentParams]] = ValueBiasedParams
