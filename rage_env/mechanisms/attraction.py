"""Bonuses attract abusers: the more is offered in a week, the more of next week's newcomers came for the bonus.

What passes from one week to the next is one cohort sum, the dollars of bonus on offer. Level: 4.5 of 120 million
accounts opened at PayPal under a $10 bonus were shams (4 %).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from pydantic import Field

from rage_env.state import FraudType
from rage_env.week import Columns, MechanismParams, Week

__all__ = ["GIVES", "PARENTS", "Params", "arrival_mix", "draw", "mean", "totals"]

PARENTS: tuple[str, ...] = ()
GIVES: tuple[str, ...] = ()

_OFFERED = "bonus_offered"


class Params(MechanismParams):
    """share_per_usd: how much the abusers' share of newcomers rises per dollar of bonus offered to the average user.

    highest_share: beyond which it never goes.
    """

    share_per_usd: float = Field(ge=0)
    highest_share: float = Field(ge=0, le=1)


def draw(week: Week, params: Params) -> Columns:
    """Nothing this week; what was offered acts on the next one."""
    return {}


def mean(week: Week, params: Params) -> Columns:
    """Nothing."""
    return {}


def totals(week: Week, params: Params) -> dict[str, float]:
    """bonus_offered: dollars of bonus shown to the users of this chunk."""
    offered = week.arms.bonus.take(week.arm)
    offered *= week.here
    return {_OFFERED: float(offered.sum(dtype=np.float64))}


def arrival_mix(mix: tuple[float, ...], sums: Mapping[str, float], params: Params) -> tuple[float, ...]:
    """Fraud mix of newcomers; what abusers gain, all other types lose in proportion."""
    offered = sums.get(_OFFERED, 0.0) / max(sums.get("present", 0.0), 1.0)
    usual = mix[FraudType.ABUSER]
    share = max(usual, min(usual + params.share_per_usd * offered, params.highest_share))
    rest = (1 - share) / (1 - usual) if usual < 1 else 0.0
    return tuple(share if kind == FraudType.ABUSER else rest * p for kind, p in enumerate(mix))
