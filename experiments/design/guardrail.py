"""How long a ratio guardrail's alarm and certificate take, on given users, at a given truth.

The monitors' own bets on weeks drawn at random: user-weeks with a loss one by one (they are few and count), the rest
by the normal law of its sums. Losses are made rarer or more frequent, not smaller or larger, to meet the truth asked.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.monitors.betting import log_mean_exp, stakes
from experiments.monitors.interface import open_share, positive, whole
from rage_env.errors import ConfigError

__all__ = ["Asked", "GuardrailRow", "UserWeeks", "alarm_rows", "assumed_user_weeks", "certificate_rows"]

Floats = NDArray[np.float64]
_REPS = 400
_MOST_DRAWN = 20_000  # losses drawn one by one a week, 50 a replication; more sum to a normal law


@dataclass(frozen=True, eq=False)
class UserWeeks:
    """User-weeks as they are when left alone. loss, size: (m,), numerator and denominator.

    reported: {age in weeks at which an alarm looks: share of losses known by then}. mature_age_weeks: all are known.
    """

    loss: Floats
    size: Floats
    reported: Mapping[int, float]
    mature_age_weeks: int = 0

    def capped(self, cap: float) -> Floats:
        """(m,) denominators, none above the cap."""
        return np.minimum(self.size, cap)

    def rate(self, cap: float) -> float:
        """Losses as a share of capped denominators."""
        total = float(self.capped(cap).sum())
        return float(self.loss.sum()) / total if total > 0 else math.nan


@dataclass(frozen=True)
class Asked:
    """What is asked of the guardrail's monitors. cap: of a user-week's denominator. max_loss_usd: of a user-week."""

    limit: float
    cap: float
    alpha: float = 0.05
    power: float = 0.8
    weeks: int = 104  # beyond which nobody waits
    max_loss_usd: float = math.inf
    seed: int = 0

    def __post_init__(self) -> None:
        positive("limit", self.limit)
        positive("cap", self.cap)
        whole("weeks", self.weeks, 1)
        open_share("alpha", self.alpha)
        open_share("power", self.power)


@dataclass(frozen=True)
class GuardrailRow:
    """Calendar weeks until the monitor speaks in half of the cases, and in a share `power`; None beyond the horizon."""

    monitor: str
    true_rate: float
    users: int
    age_weeks: int
    median_weeks: int | None
    power_weeks: int | None
    share_within_horizon: float


def alarm_rows(seen: UserWeeks, asked: Asked, true_rate: float, users: Sequence[int]) -> list[GuardrailRow]:
    """For each number of users: of the ages at which losses are looked at, the one that tells first.

    The ages share alpha.
    """
    bets = _bets(seen, asked, 1, stakes(asked.limit * asked.cap))
    alpha = asked.alpha / len(seen.reported)
    rows = []
    for n in users:
        by_age = [_row("alarm", bets, asked, n, true_rate, share, age, alpha) for age, share in seen.reported.items()]
        rows.append(min(by_age, key=_lateness))
    return rows


def _lateness(row: GuardrailRow) -> tuple[float, float, float]:
    return row.power_weeks or math.inf, row.median_weeks or math.inf, -row.share_within_horizon


def certificate_rows(seen: UserWeeks, asked: Asked, true_rate: float, users: Sequence[int]) -> list[GuardrailRow]:
    """For each number of users, once losses are fully reported; needs the bound on a row's loss that is enforced."""
    bets = _bets(seen, asked, -1, stakes(positive("max_loss", asked.max_loss_usd)))
    age = seen.mature_age_weeks
    return [_row("certificate", bets, asked, n, true_rate, 1.0, age, asked.alpha) for n in users]


def assumed_user_weeks(size_mean: float, loss_mean: float, max_loss: float, seed: int = 0) -> UserWeeks:
    """Denominators and losses both exponential, losses cut at `max_loss`; one row in a hundred has a loss."""
    for name, number in (("size", size_mean), ("loss", loss_mean), ("max_loss", max_loss)):
        positive(name, number)
    rng, rows = np.random.default_rng(seed), 20_000
    loss = np.where(np.arange(rows) % 100 == 0, np.minimum(rng.exponential(loss_mean, rows), max_loss), 0.0)
    return UserWeeks(loss, rng.exponential(size_mean, rows), {0: 1.0})


@dataclass(frozen=True, eq=False)
class _Bets:
    """What a user-week adds to the log of each stake's wealth: with a loss, row by row, and without one."""

    hit: Floats  # (m, l)
    hit_law: tuple[Floats, Floats]  # mean (l,) and root (l, l) of the covariance
    spared_law: tuple[Floats, Floats]
    rate: float
    frequency: float  # of losses at this rate

    def week(self, rng: np.random.Generator, users: int, frequency: float, one_by_one: bool) -> Floats:
        """(reps, l) growth in one week."""
        struck = rng.poisson(users * frequency, _REPS)
        spared = _sums(rng, self.spared_law, np.full(_REPS, users * (1 - frequency)))
        return spared + (
            _drawn(rng, self.hit, struck) if one_by_one else _sums(rng, self.hit_law, struck.astype(float))
        )


def _bets(seen: UserWeeks, asked: Asked, sign: int, stake: Floats) -> _Bets:
    struck = seen.loss > 0
    if not struck.any() or struck.all():
        raise ConfigError(f"guardrail: {struck.mean():.0%} of user-weeks have a loss; some must, and not all")
    x = sign * (seen.loss - asked.limit * seen.capped(asked.cap))
    hit, spared = (np.log1p(np.outer(x[rows], stake)) for rows in (struck, ~struck))
    return _Bets(hit, _law(hit), _law(spared), seen.rate(asked.cap), float(struck.mean()))


def _row(
    monitor: str, bets: _Bets, asked: Asked, users: int, true_rate: float, share: float, age: int, alpha: float
) -> GuardrailRow:
    times = _first(bets, asked, users, true_rate * share, alpha)
    half, most = (float(np.quantile(times, q, method="higher")) for q in (0.5, asked.power))
    median, at_power = (None if math.isinf(t) else int(t) + age for t in (half, most))
    return GuardrailRow(monitor, true_rate, users, age, median, at_power, float(np.isfinite(times).mean()))


def _first(bets: _Bets, asked: Asked, users: int, rate: float, alpha: float) -> Floats:
    """(reps,) weeks of data until the evidence reaches 1 / alpha; infinite beyond the horizon."""
    frequency = rate / bets.rate * bets.frequency
    times = np.full(_REPS, np.inf)
    if frequency >= 1:
        raise ConfigError(
            f"rate: losses of this size in every user-week do not make up {rate:g} of its denominator; lower the limit "
            "or the margin of an alarm, the rate of a certificate, or name larger losses"
        )
    rng, growth = np.random.default_rng(asked.seed), np.zeros((_REPS, bets.hit.shape[1]))
    one_by_one = frequency * users * _REPS < _MOST_DRAWN
    for week in range(1, asked.weeks + 1):
        growth += bets.week(rng, users, frequency, one_by_one)
        times[np.isinf(times) & (log_mean_exp(growth) >= -math.log(alpha))] = week
        if np.isfinite(times).all():
            break
    return times


def _law(growth: Floats) -> tuple[Floats, Floats]:
    """Mean and root of the covariance of growth (m, l)."""
    size, axes = np.linalg.eigh(np.atleast_2d(np.cov(growth.T, bias=True)))
    return growth.mean(axis=0), np.asarray(np.sqrt(np.maximum(size, 0.0))[:, None] * axes.T, np.float64)


def _drawn(rng: np.random.Generator, growth: Floats, count: NDArray[np.int64]) -> Floats:
    """(reps, l) sums of `count` (reps,) rows of growth (m, l), drawn with replacement."""
    rows, owner = growth[rng.integers(0, len(growth), int(count.sum()))], np.repeat(np.arange(len(count)), count)
    return np.stack([np.bincount(owner, column, len(count)) for column in rows.T], axis=1)


def _sums(rng: np.random.Generator, law: tuple[Floats, Floats], count: Floats) -> Floats:
    """(reps, l) the like, by the normal law."""
    mean, root = law
    noise = rng.normal(size=(len(count), len(mean))) @ root
    return np.asarray(count[:, None] * mean + np.sqrt(count)[:, None] * noise, np.float64)
