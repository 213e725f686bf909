"""How many users a lift needs, by length of the test; and which lift given users can show.

Information of a mean over weeks does not run with the calendar where users persist: error is spent by the calendar,
looks are as correlated as the users make them, as in the monitor `group_sequential`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from experiments.design.baseline import Baseline
from experiments.monitors.interface import open_share, positive, whole
from experiments.monitors.planning import Plan, fixed_drift, plan
from rage_env.errors import ConfigError

__all__ = ["LiftDesign", "LiftRow", "lift_rows", "lift_usd", "weeks_needed"]

_MOST_WEEKS = 104
_LONGEST = 520


@dataclass(frozen=True)
class LiftDesign:
    """What is asked of the test. looks: at most so many, evenly spread; None: one a week. share: of users treated."""

    lift_usd: float
    users: int
    alpha: float = 0.05
    power: float = 0.8
    sides: int = 2
    looks: int | None = None
    spending: str = "obf"
    shape: float | None = None
    futility: str | None = None
    share: float = 0.5

    def __post_init__(self) -> None:
        positive("lift", self.lift_usd)
        whole("users", self.users, 4)
        open_share("share", self.share)
        if self.looks is not None:
            whole("looks", self.looks, 1)


@dataclass(frozen=True)
class LiftRow:
    """One length of the test. users: needed in all; expected_weeks: until it stops if the lift is there."""

    weeks: int
    looks: int
    users: int
    treated: int
    users_with_cuped: int
    expected_weeks: float
    expected_weeks_if_nothing: float
    expected_user_weeks: int
    inflation: float
    detectable_usd: float  # with the users there are, with the adjustment where there is one


def lift_rows(design: LiftDesign, base: Baseline, lengths: Sequence[int]) -> list[LiftRow]:
    """A row for each length in weeks. Raises ConfigError for one beyond ten years."""
    for weeks in lengths:
        if whole("weeks", weeks, 1) > _LONGEST:
            raise ConfigError(f"weeks: must be at most {_LONGEST}, got {weeks}; no test is run that long")
    return [_row(design, base, weeks) for weeks in lengths]


def weeks_needed(design: LiftDesign, base: Baseline) -> int | None:
    """Least weeks in which the users there are show the lift; None where two years would not do."""
    least = fixed_drift(design.alpha, design.power, design.sides)  # of a test with one look: no plan needs less
    for weeks in range(1, _MOST_WEEKS + 1):
        if _users(design, base, weeks, least, cuped=True) > design.users:
            continue
        if _needed(design, base, weeks, cuped=True) <= design.users:
            return weeks
    return None


def lift_usd(text: str, mean_usd: float | None) -> float:
    """Dollars per user-week of `0.05`, or of `5%` of the mean. Raises ConfigError."""
    share = text.strip().endswith("%")
    try:
        number = float(text.strip().rstrip("%"))
    except ValueError:
        raise ConfigError(f"lift: must be dollars per user-week, or a share as 5%, got {text!r}") from None
    if share and (mean_usd is None or mean_usd <= 0):
        raise ConfigError(f"lift: {text} is a share of a mean above 0, got mean {mean_usd}; give --mean, or dollars")
    return positive("lift", number / 100 * (mean_usd or 0.0) if share else number)


def _row(design: LiftDesign, base: Baseline, weeks: int) -> LiftRow:
    adjusted = base.correlation != 0
    at, made = _planned(design, base, weeks, adjusted)
    users = _needed(design, base, weeks, cuped=False)
    with_cuped = _needed(design, base, weeks, cuped=True)
    there, nothing = (_expected_weeks(at, made, drift) for drift in (made.drift, 0.0))
    spread = math.sqrt(_variance(base, weeks, adjusted) / (design.users * design.share * (1 - design.share)))
    return LiftRow(
        weeks=weeks,
        looks=len(at),
        users=users,
        treated=math.ceil(users * design.share),
        users_with_cuped=with_cuped,
        expected_weeks=there,
        expected_weeks_if_nothing=nothing,
        expected_user_weeks=round(there * (with_cuped if adjusted else users)),
        inflation=made.inflation,
        detectable_usd=made.drift * spread,
    )


def _expected_weeks(at: Sequence[int], made: Plan, drift: float) -> float:
    stopping = made.at(drift)
    stops = (stopping.up + stopping.down).tolist()
    return float(sum(w * p for w, p in zip(at, stops, strict=True)) + at[-1] * max(0.0, 1 - sum(stops)))


@functools.cache
def _planned(design: LiftDesign, base: Baseline, weeks: int, cuped: bool) -> tuple[list[int], Plan]:
    """Weeks elapsed at each look, and the plan."""
    count = min(weeks, design.looks or weeks)
    at = sorted({math.ceil(weeks * (i + 1) / count) for i in range(count)})
    last = _variance(base, weeks, cuped)
    made = plan(
        design.spending,
        alpha=design.alpha,
        sides=design.sides,
        fractions=[last / _variance(base, w, cuped) for w in at],
        shape=design.shape,
        calendar=[w / weeks for w in at],
        power=design.power,
        futility=design.futility,
    )
    return at, made


def _needed(design: LiftDesign, base: Baseline, weeks: int, *, cuped: bool) -> int:
    return _users(design, base, weeks, _planned(design, base, weeks, cuped)[1].drift, cuped=cuped)


def _users(design: LiftDesign, base: Baseline, weeks: int, drift: float, *, cuped: bool) -> int:
    """Users in all at which the lift is expected at z = drift; at least two a group."""
    treated = design.share * (1 - design.share)
    users = drift**2 * _variance(base, weeks, cuped) / design.lift_usd**2 / treated
    return max(math.ceil(users), *(math.ceil(2 / s) for s in (design.share, 1 - design.share)))


def _variance(base: Baseline, weeks: int, cuped: bool) -> float:
    return base.variance(weeks) * (base.left_by_cuped(weeks) if cuped else 1.0)
