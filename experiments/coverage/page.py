"""Writes docs/coverage.md from the tallies of all settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from experiments.certificates import Claim, users_needed
from experiments.coverage.study import CONTROLS, RARE, RESAMPLES, Tally
from experiments.storage import write_text

__all__ = ["Measured", "misses", "page", "table", "write"]

COMMAND = "python -m experiments.coverage"

_HEAD = f"""# Do the intervals hold the truth?

Written by `{COMMAND}`, which keeps what it has finished and goes on from there. Every repetition
draws a fresh population and asks whether 95 % intervals hold the value of the superpopulation.

- **normal, binary**: three arms, logged with probabilities .2 or .6 by a covariate; the mean is known exactly. With
  several rows a user half of the variance (or, for events, of the agreement) is the user's own.
- **gmv, net revenue**: a million users of the fintech world, fraud and defaults included, lived for 4 or 12
  weeks under uniform arms; the truth is that of conditional means over all of them (of capped columns the weighted mean
  of the million). A sample is some of the users with their weeks. Net revenue is by accrual.
- **model**: the reward model of `dr` and `sndr`: `given` from elsewhere and not quite right, or `ridge`, cross-fitted
  by user on the sample itself. `ips` and `snips` have none.
- **misses**: shares of intervals that lie wholly below, or above, the truth.
- **skewed**: share of logs whose answer is marked so, for users < 355 x skewness^2 of the influence function.
"""

_GOALS = """## Goals

The asymptotic interval, by influence functions and clustered by user, which `evaluate` gives. A normal or binary
outcome asks for 94 to 96.5 %, GMV for 92 %, net revenue for 86 % at 2,000 and 92 % at 10,000 users; each within three
Monte Carlo standard errors.

Net revenue is carried by losses so rare that a sample may hold none of those that count. Its interval is then too high
and too narrow at once, the more so the more users there are that met none, until there are enough user-weeks for the
losses to show. `skewed` marks nearly all of these logs.
"""

_BESIDE = f"""## Beside it

A bootstrap of users ({RESAMPLES} Poisson resamples), a cap declared beforehand, or a finite-sample interval from
declared bounds, which never holds too seldom and is wide. A bootstrap knows only the log. Where the long tail is in it
(GMV) the studentised one evens out the two sides on which intervals miss; where rare losses are not in most logs (net
revenue) every bootstrap leans the wrong way, and only a cap or bounds help.
"""

_CONTROLS = """## Known to be wrong

Intervals that must fail, or waste width, and would be caught by the same count. *Rows for users* takes rows of one user
for strangers. *Ratio forgotten* takes the terms of `snips` for independent numbers, as a bootstrap of such terms does:
it holds too often because it is too wide.
"""


@dataclass(frozen=True)
class Measured:
    """One setting's tallies with what was asked of it."""

    name: str
    users: int
    goal: tuple[float, float]
    tallies: Sequence[Tally]


def misses(measured: Sequence[Measured]) -> list[str]:
    """Every goal that is not met, and every known-wrong interval on rows that got away."""
    out = []
    for one in measured:
        for t in one.tallies:
            if t.interval in ("influence", RARE) and not _met(one, t):
                how = "" if t.interval == "influence" else f", {RARE}"
                out.append(f"{one.name}, {one.users:,} users: {_title(t)}{how} holds {t.coverage:.1%}")
            if t.interval == CONTROLS[0] and t.coverage >= 0.94 - 3 * t.error:
                out.append(f"{one.name}: {_title(t)} with rows for users holds {t.coverage:.1%} and was not caught")
    return out


def page(measured: Sequence[Measured]) -> str:
    """The whole page."""
    missed = misses(measured)
    verdict = ["Every goal is met."] if not missed else ["Not met:", "", *(f"- {m}" for m in missed)]
    parts = [_HEAD, _GOALS, *verdict, "", *table(measured, lambda t: t.interval == "influence", goals=True), ""]
    beside = ("influence", *CONTROLS)
    parts += [_BESIDE, *table(measured, lambda t: t.interval not in beside), ""]
    parts += [_CONTROLS, *_controls(measured), "", *_needed()]
    return "\n".join(parts).rstrip() + "\n"


def write(path: Path, measured: Sequence[Measured], made: Callable[[Sequence[Measured]], str] = page) -> None:
    """Write the page whole or not at all."""
    write_text(path, made(measured))


def _met(one: Measured, t: Tally) -> bool:
    return one.goal[0] - 3 * t.error <= t.coverage <= one.goal[1] + 3 * t.error


def table(measured: Sequence[Measured], wanted: Callable[[Tally], bool], *, goals: bool = False) -> Iterator[str]:
    """One line a tally, in Markdown; goals: with what was asked of it."""
    last = " goal | met |" if goals else ""
    yield f"| outcome | users | estimator | interval | repetitions | coverage | below | above | width | skewed |{last}"
    yield "|---|--:|---|---|--:|--:|--:|--:|--:|--:|" + ("--:|---|" if goals else "")
    for one in measured:
        for t in filter(wanted, one.tallies):
            verdict = f" {_goal(one.goal)} | {'yes' if _met(one, t) else '**no**'} |" if goals else ""
            yield f"| {one.name} | {one.users:,} | {_title(t)} | {t.interval} | {_figures(t)}{verdict}"


def _figures(t: Tally) -> str:
    n = t.repetitions
    return (
        f"{n:,} | {t.coverage:.1%} | {t.below / n:.1%} | {t.above / n:.1%} | {t.width / n:.3g} | {t.skewed / n:.0%} |"
    )


def _controls(measured: Sequence[Measured]) -> Iterator[str]:
    yield "| outcome | users | estimator | interval | coverage | width | coverage, right | width, right |"
    yield "|---|--:|---|---|--:|--:|--:|--:|"
    for one in measured:
        for t in (t for t in one.tallies if t.interval in CONTROLS):
            (right,) = (
                r for r in one.tallies if (r.estimator, r.model, r.interval) == (t.estimator, t.model, "influence")
            )
            yield (
                f"| {one.name} | {one.users:,} | {_title(t)} | {t.interval} | {t.coverage:.1%} | "
                f"{t.width / t.repetitions:.3g} | {right.coverage:.1%} | {right.width / right.repetitions:.3g} |"
            )


def _title(t: Tally) -> str:
    return f"`{t.estimator}`" + (f", {t.model}" if t.model else "")


def _goal(goal: tuple[float, float]) -> str:
    return f">= {goal[0]:.0%}" if goal[1] == 1 else f"{goal[0]:.1%} to {goal[1]:.1%}"


FLOORS, BOUNDS_USD = (0.05, 0.1, 0.2, 1 / 3), (50.0, 500.0, 2_004.0)


def _needed() -> Iterator[str]:
    yield "## Users that a certificate takes\n"
    yield (
        "A limit of 25 bps on loss / GMV, a truth 15 bps below it, $250 GMV a user-week, alpha .05, one row a user. "
        "Users after which every second log certifies: where losses come in pieces as large as the bound, and where "
        "they come in pieces of $50. `uninformative` is a normal answer.\n"
    )
    yield "| least propensity | " + " | ".join(f"bound ${b:,.0f} | in pieces of $50" for b in BOUNDS_USD) + " |"
    yield "|--:|" + "--:|" * 2 * len(BOUNDS_USD)
    for floor in FLOORS:
        cells = []
        for bound in BOUNDS_USD:
            claim = Claim.of_metric("loss/gmv", 0.0025, bound, floor, 0.0015)
            cells += [_users(users_needed(claim, 250.0)), _users(users_needed(claim, 250.0, 50.0))]
        yield f"| {floor:.2f} | " + " | ".join(cells) + " |"


def _users(count: int | None) -> str:
    return "-" if count is None else f"{count:,}"
