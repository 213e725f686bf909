"""What a bank sees of a household week by week: salary, savings, cash, gambling, borrowing, bills.

Everything drifts with latent stress: salaries come late, savings are drawn down, cash is withdrawn, money goes to
gambling and comes from lending apps, bills and direct debits fail. The ledger has none of it; only features show it.
Rates are assumed.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from rage_env.features import Feature
from rage_env.mechanisms.stress import level as stress_level
from rage_env.randomness import POPULATION_WEEK, Draw, Noise
from rage_env.state import Lives, Traits
from rage_env.week import Columns, MechanismParams, Newcomers, Week

__all__ = [
    "GIVES", "LATENT", "MONTH_WEEKS", "PARENTS", "SIGNALS", "Chance", "Params", "Sign", "advance", "draw", "features",
    "joining", "mean", "newcomers",
]  # fmt: skip

PARENTS = ("stress",)
GIVES: tuple[str, ...] = ()
LATENT = ("savings_level", "income")
MONTH_WEEKS = 4

Floats = NDArray[np.float32]

SIGNALS = {  # name: (unit, largest value shown)
    "salary_usd": ("usd", 1e6),
    "salary_delay_days": ("days", 31.0),
    "savings_usd": ("usd", 1e8),
    "discretionary_share": ("share of spend", 1.0),
    "atm_withdrawals": ("count", 50.0),
    "atm_usd": ("usd", 1e6),
    "gambling_usd": ("usd", 1e6),
    "lending_transfers": ("count", 50.0),
    "utility_days_late": ("days", 31.0),
    "failed_debits": ("count", 50.0),
}
_LOG_SAVINGS = (np.float32(0), np.float32(18))  # of dollars, the least and the most
_MOST = 12  # no count of a week is larger
_SALARY_DAYS, _BILL_DAYS = 14, 20  # the longest delays (assumed)
_SALARY_LOG_SD = 0.05  # of a salary from month to month, and what a sd of stress above 0 takes from it (assumed)
_SIZE_LOG_SD, _TASTE = 0.5, 0.5  # of cash and bets; of the share spent for fun, in sds of stress (assumed)


class Sign(BaseModel):
    """How often something happens in a week at stress 0; per_stress: what one sd adds on the log of that rate."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)
    usual: float = Field(gt=0, lt=20)
    per_stress: float


class Chance(Sign):
    """Something that either happens or does not: usual is a probability, per_stress acts on its log-odds."""

    usual: float = Field(gt=0, lt=1)


class Params(MechanismParams):
    """Levels in dollars and their log-sd across people, and how strongly each sign answers to stress.

    savings move back to a person's level by `savings_pull` a week and fall by `savings_drawn` log dollars per sd of
    stress above 0.
    """

    income_usd: float = Field(gt=0)
    income_log_sd: float = Field(ge=0)
    savings_usd: float = Field(gt=0)
    savings_log_sd: float = Field(ge=0)
    savings_pull: float = Field(gt=0, le=1)
    savings_drawn: float = Field(ge=0)
    savings_noise: float = Field(ge=0)
    atm_usd: float = Field(gt=0)
    gambling_usd: float = Field(gt=0)
    late_salary: Chance
    late_utility: Chance
    gambling: Chance
    discretionary: Chance
    atm: Sign
    lending: Sign
    failed_debit: Sign


def newcomers(people: Newcomers, params: Params) -> Columns:
    """Log income and log savings level; the weeks of payday and of the utility bill within a month."""
    income, savings = people.luck.normals(Draw.BANK_LEVELS)
    payday, bill = people.luck.pair(Draw.BANK_DAYS)
    month = np.float32(MONTH_WEEKS)
    return {
        "income": np.float32(np.log(params.income_usd)) + np.float32(params.income_log_sd) * income,
        "savings_level": np.float32(np.log(params.savings_usd)) + np.float32(params.savings_log_sd) * savings,
        "payday": (payday * month).astype(np.int8),
        "bill_week": (bill * month).astype(np.int8),
    }


def joining(traits: Traits, lives: Lives, params: Params) -> Columns:
    """Nothing has been seen yet; savings stand where weeks under this stress would have left them, never at the level.

    Standing at the level itself they would tell it exactly.
    """
    n = len(traits.user_id)
    seen = {name: np.zeros(n, np.float32) for name in SIGNALS}
    wobble, _ = Noise(0, traits.key, POPULATION_WEEK).normals(Draw.BANK_NOISE)
    spread = params.savings_noise / math.sqrt(1 - (1 - params.savings_pull) ** 2)
    around = _pulled_to(traits, stress_level(traits, lives.more["stress_shock"]), params) + np.float32(spread) * wobble
    return {**seen, "savings_usd": np.exp(np.clip(around, *_LOG_SAVINGS)), "month_week": np.zeros(n, np.int8)}


def _pulled_to(traits: Traits, stress: Floats, params: Params) -> Floats:
    """(n,) log savings to which this much stress, if it lasted, would bring these people."""
    strain = np.maximum(stress, np.float32(0))
    out: Floats = traits.more["savings_level"] - np.float32(params.savings_drawn / params.savings_pull) * strain
    return out


def draw(week: Week, params: Params) -> Columns:
    """Nothing that the week itself depends on."""
    return {}


def mean(week: Week, params: Params) -> Columns:
    """Nothing."""
    return {}


def advance(week: Week, params: Params) -> Columns:
    """The signals of the week just lived; zeros for those who are not there."""
    here = (week.lives.alive & (week.lives.age >= 0)).astype(np.float32)
    stress, luck, month = week.now["stress"], week.noise, week.lives.more["month_week"]
    seen = {
        **_salary(week, stress, luck, month == week.traits.more["payday"], params),
        **_cash(stress, luck, params),
        **_bills(stress, luck, month == week.traits.more["bill_week"], params),
    }
    out: Columns = {name: (column * here).astype(np.float32) for name, column in seen.items()}
    return {**out, "month_week": (month + 1) % np.int8(MONTH_WEEKS)}


def _salary(week: Week, stress: Floats, luck: Noise, payday: NDArray[np.bool_], params: Params) -> Columns:
    """Salary of a payday and its delay; savings after the week."""
    happens, days = luck.pair(Draw.SALARY)
    noise, wobble = luck.normals(Draw.BANK_NOISE)
    late = payday & (happens < _chance(params.late_salary, stress))
    strain = np.maximum(stress, np.float32(0))
    held = np.log(np.maximum(week.lives.more["savings_usd"], np.float32(1)))
    level = _pulled_to(week.traits, stress, params)
    log_savings = held + np.float32(params.savings_pull) * (level - held) + np.float32(params.savings_noise) * noise
    return {
        "salary_usd": payday * np.exp(week.traits.more["income"] + np.float32(_SALARY_LOG_SD) * (wobble - strain)),
        "salary_delay_days": late * np.ceil(days * np.float32(_SALARY_DAYS)),
        "savings_usd": np.exp(np.clip(log_savings, *_LOG_SAVINGS)),
    }


def _cash(stress: Floats, luck: Noise, params: Params) -> Columns:
    """Cash taken out, money gambled, money that comes from lending apps, and how much of spend is for fun."""
    taken, gambles = luck.pair(Draw.CASH)
    borrowed, _ = luck.pair(Draw.LENDING)
    size, taste = luck.normals(Draw.CASH_SIZE)
    times = _count(params.atm, stress, taken)
    sizes = np.exp(np.float32(_SIZE_LOG_SD) * size)
    gambled = gambles < _chance(params.gambling, stress)
    return {
        "atm_withdrawals": times,
        "atm_usd": times * np.float32(params.atm_usd) * sizes,
        "gambling_usd": gambled * np.float32(params.gambling_usd) * sizes,
        "lending_transfers": _count(params.lending, stress, borrowed),
        "discretionary_share": _chance(params.discretionary, stress + np.float32(_TASTE) * taste),
    }


def _bills(stress: Floats, luck: Noise, due: NDArray[np.bool_], params: Params) -> Columns:
    """Days by which the utility bill was paid late, and direct debits that failed."""
    happens, days = luck.pair(Draw.UTILITY)
    failed, _ = luck.pair(Draw.FAILED_DEBITS)
    late = due & (happens < _chance(params.late_utility, stress))
    return {
        "utility_days_late": late * np.ceil(days * np.float32(_BILL_DAYS)),
        "failed_debits": _count(params.failed_debit, stress, failed),
    }


def _chance(sign: Chance, stress: Floats) -> Floats:
    """(n,) probability in the week."""
    odds = np.float32(sign.usual / (1 - sign.usual)) * np.exp(np.float32(sign.per_stress) * stress)
    out: Floats = odds / (1 + odds)
    return out


def _count(sign: Sign, stress: Floats, u: Floats) -> Floats:
    """(n,) Poisson counts by inversion at uniforms u, cut at 12."""
    rate = np.float32(sign.usual) * np.exp(np.float32(sign.per_stress) * stress)
    term = np.exp(-rate)
    below = term.copy()
    count: Floats = np.zeros_like(rate)
    for k in range(1, _MOST + 1):
        count += u > below
        term = term * rate / np.float32(k)
        below += term
    return count


def features(params: Params) -> tuple[Feature, ...]:
    """Every signal of last week, as it was."""
    return tuple(_shown(name, most) for name, (_, most) in SIGNALS.items())


def _shown(name: str, most: float) -> Feature:
    return Feature(name, 0.0, most, lambda t, s: s.more[name], cut=True)
