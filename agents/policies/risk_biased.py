"""Offers to those about to leave: the retention campaign whose log makes its own offer look harmful."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from agents.leaning import Leaning, LeaningParams, Signals
from agents.parameters import AgentParams


class RiskBiasedParams(LeaningParams):
    """signals: a high churn signal and few active weeks of the last four come first."""

    signals: Signals = Field(default={"churn_signal": 1.0, "active_4w": -0.5})


class RiskBiased(Leaning):
    """Leans towards users at risk: they are worth less with or without an offer, so the naive effect is too low."""

    name = "risk_biased"
    Params: ClassVar[type[AgentParams]] = RiskBiasedParams
