"""A loan with a payment due every fourth week: paid, missed, caught up with, or never paid again.

The chance of missing a payment rises with stress and with the months already missed, so cures get rarer the longer
lateness lasts; transition rates: UCI credit card clients. Every missed payment may turn out to be the first of a
default, likelier the longer the arrears; the whole debt is then lost. An arm multiplies the chance of missing by
exp(its `log_late`), in the week of the payment in full and in earlier weeks by what is remembered of it.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from rage_env.features import Feature
from rage_env.mechanisms.stress import level
from rage_env.randomness import POPULATION_WEEK, Draw, Noise
from rage_env.ranges import Share, check_range
from rage_env.state import Lives, Traits
from rage_env.week import Columns, MechanismParams, Newcomers, Week

__all__ = [
    "GIVES", "LATENT", "MONTH_WEEKS", "PARENTS", "Params", "advance", "draw", "features", "joining", "mean",
    "newcomers", "probability",
]  # fmt: skip

PARENTS = ("stress", "response")
GIVES = ("late", "defaulted", "loss_credit")
LATENT = ("relief",)
MONTH_WEEKS = 4

_LAST_STEP = 4  # months late from which chances no longer change
_MOST_MONTHS = 24  # months late are counted up to here
_BEFORE_MONTHS = 12  # months of payments that people who are no newcomers have behind them when the world begins
Floats = NDArray[np.float32]
ByMonthsLate = tuple[float, float, float, float, float]


class Params(MechanismParams):
    """missed_logit: of missing the next payment after 0, 1, 2, 3 and more missed months in a row, at stress 0.

    per_stress: log-odds per sd of stress. default_rate: share of missed payments that are never made good, by the
    months missed with it (1, 2, 3, 4, more). highest_rate: no payment is likelier missed. remembered: share of an
    arm's effect that is left a week later. Debt in dollars: median and log-sd, cut to [least, most].
    """

    missed_logit: ByMonthsLate
    per_stress: float
    default_rate: tuple[Share, Share, Share, Share, Share]
    highest_rate: float = Field(gt=0, lt=1)
    remembered: float = Field(ge=0, lt=1)
    debt_median_usd: float = Field(gt=0)
    debt_log_sd: float = Field(ge=0)
    debt_least_usd: float = Field(gt=0)
    debt_most_usd: float = Field(gt=0)

    @model_validator(mode="after")
    def _debts_have_a_range(self) -> Self:
        check_range("debt", (self.debt_least_usd, self.debt_most_usd), "debt_least_usd", "debt_most_usd")
        return self


def probability(months_late: NDArray[Any], stress: Floats, params: Params) -> Floats:
    """(n,) chance of missing a payment that falls due, when left alone."""
    logit = np.array(params.missed_logit, np.float32).take(_step(months_late)) + np.float32(params.per_stress) * stress
    return np.minimum(1 / (1 + np.exp(-logit)), np.float32(params.highest_rate))


def _step(months_late: NDArray[Any]) -> NDArray[np.intp]:
    out: NDArray[np.intp] = np.minimum(months_late, _LAST_STEP).astype(np.intp)
    return out


def newcomers(people: Newcomers, params: Params) -> Columns:
    """debt_usd, the week of the month in which payments fall due, and the months missed when first seen."""
    size, _ = people.luck.normals(Draw.LOAN)
    debt = np.exp(np.float32(np.log(params.debt_median_usd)) + np.float32(params.debt_log_sd) * size)
    return {
        "debt_usd": np.clip(debt, np.float32(params.debt_least_usd), np.float32(params.debt_most_usd)),
        "due_week": (people.luck.uniform(Draw.DUE_WEEK) * np.float32(MONTH_WEEKS)).astype(np.int8),
        "late_at_start": _months_late(people, params),
    }


def _months_late(people: Newcomers, params: Params) -> NDArray[np.int8]:
    """(n,) missed months in a row after the months since joining, the last 12 of them, under the starting stress."""
    stress = level(people.traits, people.traits.more["stress_start"])
    months = np.zeros(len(stress), np.int8)
    for ago in range(_BEFORE_MONTHS, 0, -1):
        luck = Noise(people.luck.key, people.luck.keys, POPULATION_WEEK + ago)
        missed = luck.uniform64(Draw.PAYMENT) < probability(months, stress, params)
        months = np.where(missed & (people.lives.age >= MONTH_WEEKS * ago), months + 1, 0).astype(np.int8)
    return months


def joining(traits: Traits, lives: Lives, params: Params) -> Columns:
    """Months late; weeks until a payment falls due, 0 in its week; whether in default; what arms have left behind."""
    n = len(traits.user_id)
    return {
        "months_late": traits.more["late_at_start"].copy(),
        "due_in_weeks": traits.more["due_week"].copy(),
        "in_default": np.zeros(n, np.bool_),
        "relief": np.zeros(n, np.float32),
    }


def _chances(week: Week, params: Params) -> tuple[Floats, Floats]:
    """(n,) chance of missing a payment this week, 0 where none is due; share of missed ones that default."""
    more = week.lives.more
    due = (more["due_in_weeks"] == 0) & ~more["in_default"] & week.lives.alive & (week.lives.age >= 0)
    missed = probability(more["months_late"], week.now["stress"], params) * np.exp(_relief(week))
    rate = np.array(params.default_rate, np.float32).take(_step(more["months_late"]))
    return np.minimum(missed, np.float32(params.highest_rate)) * due, rate


def _relief(week: Week) -> Floats:
    """(n,) what the arm of this week and the memory of earlier ones add to the log chance of missing a payment."""
    out: Floats = week.arms.log_late.take(week.cell) * week.now["response"] + week.lives.more["relief"]
    return out


def draw(week: Week, params: Params) -> Columns:
    """late, defaulted: 0 or 1; loss_credit: the whole debt of who defaults."""
    missed, never = _chances(week, params)
    late = week.noise.uniform64(Draw.PAYMENT) < missed
    defaulted = (late & (week.noise.uniform64(Draw.DEFAULT) < never)).astype(np.float32)
    return {
        "late": late.astype(np.float32),
        "defaulted": defaulted,
        "loss_credit": defaulted * week.traits.more["debt_usd"],
    }


def mean(week: Week, params: Params) -> Columns:
    """Enumerates missed and defaulted; what is owed is known."""
    missed, never = _chances(week, params)
    late = missed.astype(np.float64)
    defaulted = late * never
    return {"late": late, "defaulted": defaulted, "loss_credit": defaulted * week.traits.more["debt_usd"]}


def advance(week: Week, params: Params) -> Columns:
    """A paid month clears the arrears; a default ends the payments."""
    more, late = week.lives.more, week.now["late"] > 0
    due = (more["due_in_weeks"] == 0) & ~more["in_default"]
    after = np.where(late, np.minimum(more["months_late"] + 1, _MOST_MONTHS), np.where(due, 0, more["months_late"]))
    return {
        "months_late": after.astype(np.int8),
        "due_in_weeks": (more["due_in_weeks"] - 1) % np.int8(MONTH_WEEKS),
        "in_default": more["in_default"] | (week.now["defaulted"] > 0),
        "relief": np.float32(params.remembered) * _relief(week),
    }


def features(params: Params) -> tuple[Feature, ...]:
    """Arrears, the calendar of payments, what is owed."""
    return (
        Feature("months_late", 0.0, float(_MOST_MONTHS), lambda t, s: s.more["months_late"].astype(np.float32)),
        Feature("due_in_weeks", 0.0, MONTH_WEEKS - 1.0, lambda t, s: s.more["due_in_weeks"].astype(np.float32)),
        Feature("in_default", 0.0, 1.0, lambda t, s: s.more["in_default"].astype(np.float32)),
        Feature("log_debt", 0.0, 30.0, lambda t, s: np.log(t.more["debt_usd"]), cut=True),
    )
