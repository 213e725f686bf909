"""From the evidence of a stream, look by look, to what a monitor says: Ville's inequality in one place."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from experiments.monitors.interface import NAN, MonitorState, Validity, Verdict

__all__ = ["evidence_state"]


def evidence_state(
    log_e: NDArray[np.float64],
    alpha: float,
    *,
    null: str,
    week: int,
    n_units: int,
    conclusion: Verdict = "harm",
    validity: Validity = "finite_sample",
    estimate: float = NAN,
    lower: float = NAN,
    upper: float = NAN,
    reason: str = "",
) -> MonitorState:
    """The state after the last of log_e (t,), log e-values that hold together at any look; an alarm stays raised."""
    most = max(0.0, float(log_e.max()))
    return MonitorState(
        estimate=estimate,
        lower=lower,
        upper=upper,
        e_value=float(np.exp(min(log_e[-1], 700.0))),
        p_value=math.exp(-most),
        verdict=conclusion if most >= -math.log(alpha) else "continue",
        validity=validity,
        null=null,
        week=week,
        boundary=-math.log(alpha),
        log_e=float(log_e[-1]),
        n_units=n_units,
        reason=reason,
    )
