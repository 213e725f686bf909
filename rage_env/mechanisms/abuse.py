"""Bonus abuse: abusers game an offer's rules in their active weeks, more so the larger the bonus."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rage_env.randomness import Draw
from rage_env.state import FraudType
from rage_env.week import Columns, MechanismParams, Week

__all__ = ["GIVES", "PARENTS", "Params", "draw", "mean", "totals"]

PARENTS = ("active",)
GIVES = ("abuse", "loss_bonus_abuse")


class Params(MechanismParams):
    """An incident costs loss_multiple times the bonus, or times least_bonus_usd where the bonus is smaller.

    adaptive: abusers copy what paid last week: the rate of an arm rises by `eagerness` times that arm's share of all
    that abusers took then.
    """

    loss_multiple: float = Field(ge=0)
    least_bonus_usd: float = Field(ge=0)
    adaptive: bool = False
    eagerness: float = Field(default=1.0, ge=0)


def _abusers(week: Week, params: Params) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Rows of abusers, and the probability of an incident if active."""
    rows = week.cheats[week.traits.fraud_type[week.cheats] == FraudType.ABUSER]
    rate = week.arms.abuse
    if params.adaptive:
        paid = np.array([week.when.sums.get(_paid(a), 0.0) for a in range(week.arms.k)])
        share = paid / max(float(paid.sum()), 1e-9)
        rate = np.minimum(rate * (1 + params.eagerness * share), 1.0).astype(np.float32)
    return rows, rate.take(week.felt[rows])


def totals(week: Week, params: Params) -> dict[str, float]:
    """{abuse_paid_<arm>: dollars that abusers took under it}; nothing where abusers do not adapt."""
    if not params.adaptive:
        return {}
    loss = week.now["loss_bonus_abuse"]
    rows = np.flatnonzero(loss != 0)
    taken = np.bincount(week.felt[rows], weights=loss[rows], minlength=week.arms.k)
    return {_paid(a): float(x) for a, x in enumerate(taken)}


def _paid(arm: int) -> str:
    return f"abuse_paid_{arm}"


def _loss(week: Week, params: Params) -> NDArray[np.float32]:
    """(k,) dollars an incident costs under each arm."""
    return np.float32(params.loss_multiple) * np.maximum(week.arms.bonus, np.float32(params.least_bonus_usd))


def draw(week: Week, params: Params) -> Columns:
    """Incidents (at most one a week) and dollars."""
    abuse, loss = np.zeros(week.n, np.float32), np.zeros(week.n, np.float32)
    rows, rate = _abusers(week, params)
    if len(rows):
        tried = week.noise.take(rows).uniform64(Draw.ABUSE) < rate
        abuse[rows] = tried * week.now["active"][rows]
        loss[rows] = abuse[rows] * _loss(week, params).take(week.felt[rows])
    return {"abuse": abuse, "loss_bonus_abuse": loss}


def mean(week: Week, params: Params) -> Columns:
    """Incident by its probability."""
    abuse = np.zeros(week.n)
    rows, rate = _abusers(week, params)
    abuse[rows] = rate * week.now["active"][rows]
    return {"abuse": abuse, "loss_bonus_abuse": abuse * _loss(week, params).take(week.felt)}
