"""Disputed fraud that is won back: in a share of cases the merchant's answer is accepted and the loss returns.

The case, its dispute and its charge-back stand as they were; only the money comes back. Share: .2 of disputes
(survey reported by The Paypers).
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from rage_env.randomness import Draw
from rage_env.week import Columns, MechanismParams, Week

__all__ = ["GIVES", "PARENTS", "REVISES", "Params", "draw", "mean"]

PARENTS = ("loss_fraud",)
GIVES = ("recovered",)
REVISES = ("loss_fraud",)


class Params(MechanismParams):
    """share: of cases whose loss is recovered in full."""

    share: float = Field(ge=0, le=1)


def draw(week: Week, params: Params) -> Columns:
    """recovered: dollars that came back; loss_fraud: what stays lost."""
    loss = week.now["loss_fraud"]
    recovered = np.zeros_like(loss)
    rows = np.flatnonzero(loss)
    if len(rows):
        won = week.noise.take(rows).uniform64(Draw.RECOVERY) < params.share
        recovered[rows] = np.where(won, loss[rows], np.float32(0))
    return {"recovered": recovered, "loss_fraud": loss - recovered}


def mean(week: Week, params: Params) -> Columns:
    """The share of the mean loss."""
    loss = week.now["loss_fraud"]
    return {"recovered": params.share * loss, "loss_fraud": (1 - params.share) * loss}
