"""How a verdict stands to the truth: right, wrong, missed, rightly silent, or too close to mark."""

from __future__ import annotations

import math
from statistics import NormalDist

from experiments.metrics import Mean
from experiments.monitors import MonitorState

__all__ = ["detectable", "mark_of_guardrail", "mark_of_value"]

_POWER = 0.8
_NORMAL = NormalDist()


def mark_of_value(verdict: str, truth: Mean, effect: float) -> str:
    """How lift, harm or silence stands to the truth. effect: what the monitor could detect, usd per user-week."""
    if verdict == "refused":
        return "no call"
    if verdict not in ("lift", "harm"):
        if abs(truth.value) < effect / 2 or truth.value == 0:
            return "rightly silent"
        return "missed" if abs(truth.value) >= effect else "too close to mark"
    if truth.value == 0 and truth.stderr == 0:
        return "wrong"
    if not abs(truth.value) >= effect / 2:
        return "too close to mark"
    return "right" if (truth.value > 0) == (verdict == "lift") else "wrong"


def mark_of_guardrail(verdict: str, week: float, first_violation: float, *, certificate: bool = False) -> str:
    """How alarm, certificate or silence stands to the first truly violating week, NaN where there was none.

    certificate: whether the monitor is there to certify, so that silence is right where the limit was broken.
    """
    if verdict == "refused":
        return "no call"
    if verdict not in ("harm", "certified"):
        return "rightly silent" if math.isnan(first_violation) != certificate else "missed"
    return "right" if (first_violation <= week) == (verdict == "harm") else "wrong"


def detectable(state: MonitorState, alpha: float) -> float:
    """The effect that one two-sided look with this state's standard error finds with power .80; NaN without one."""
    if not (math.isfinite(state.z) and state.z != 0 and state.estimate != 0):
        return math.nan
    return (_NORMAL.inv_cdf(1 - alpha / 2) + _NORMAL.inv_cdf(_POWER)) * abs(state.estimate / state.z)
