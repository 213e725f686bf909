"""Bonus abuse: abusers game an offer's rules in their active weeks, more so the larger the bonus."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rage_env.randomness import Draw
from rage_env.state import FraudType
from rage_env.week import Columns, MechanismParams, Week

__all__ = ["GIVES", "PARENTS", "Params", "draw", "mean"]

PARENTS = ("active",)
GIVES = ("abuse", "loss_bonus_abuse")


class Params(MechanismParams):
    """An incident costs loss_multiple times the bonus, or times least_bonus_usd where the bonus is smaller."""

    loss_multiple: float = Field(ge=0)
    least_bonus_usd: float = Field(ge=0)


def _abusers(week: Week) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    rows = np.flatnonzero(week.traits.fraud_type == FraudType.ABUSER)
    return rows, week.arms.abuse.take(week.arm[rows])


def _loss(week: Week, params: Params) -> NDArray[np.float32]:
    """(k,) dollars an incident costs under each arm."""
    return np.float32(params.loss_multiple) * np.maximum(week.arms.bonus, np.float32(params.least_bonus_usd))


def draw(week: Week, params: Params) -> Columns:
    """Incidents (at most one a week) and dollars."""
    abuse = np.zeros(week.n, np.float32)
    rows, rate = _abusers(week)
    if len(rows):
        tried = week.noise.take(rows).uniform64(Draw.ABUSE) < rate
        abuse[rows] = tried * week.now["active"][rows]
    return {"abuse": abuse, "loss_bonus_abuse": abuse * _loss(week, params).take(week.arm)}


def mean(week: Week, params: Params) -> Columns:
    """Incident by its probability."""
    abuse = np.zeros(week.n)
    rows, rate = _abusers(week)
    abuse[rows] = rate * week.now["active"][rows]
    return {"abuse": abuse, "loss_bonus_abuse": abuse * _loss(week, params).take(week.arm)}
