"""Answers `rage monitor design`."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from experiments.console import Row, print_json, print_rows, show
from experiments.design.baseline import CAP_QUANTILE, Baseline, Lived, lived_baseline
from experiments.design.guardrail import (
    Asked,
    GuardrailRow,
    UserWeeks,
    alarm_rows,
    assumed_user_weeks,
    certificate_rows,
)
from experiments.design.lift import LiftDesign, lift_rows, lift_usd, weeks_needed
from experiments.monitors.interface import positive
from rage_env import scenario
from rage_env.errors import ConfigError
from rage_env.guardrails import Guardrail, find, weighted_sum
from rage_env.scenario import Scenario

__all__ = ["Question", "design_command"]

Floats = NDArray[np.float64]
LENGTHS = (4, 8, 12, 26)
ALARM_AGES = (2, 4, 8, 18)
_REFERENCE_USERS = 20_000
_SIZES = (0.25, 1.0, 4.0)  # of the treated users


@dataclass(frozen=True)
class Question:
    """What the command was told; None where nothing was said."""

    world: str | None = None
    overrides: Sequence[str] = ()
    lift: str = "5%"
    mean: float | None = None
    sd: float | None = None
    icc: float | None = None
    correlation: float | None = None
    lengths: Sequence[int] = LENGTHS
    test: Mapping[str, object] = field(default_factory=dict)  # of LiftDesign
    guardrail: str | None = None
    limit: float | None = None
    rate: float | None = None
    margin: float = 1.0
    cap: float | None = None
    max_loss: float | None = None
    size_mean: float | None = None
    loss_mean: float | None = None
    seed: int = 0


def design_command(question: Question, *, as_json: bool) -> None:
    """Print what a lift, an alarm and a certificate need. Raises ConfigError."""
    lived, world = None, None
    if question.world is not None:
        world = scenario.load(question.world, question.overrides)
        lived = lived_baseline(world, _REFERENCE_USERS, question.seed)
    base = _baseline(question, lived)
    lift = lift_usd(question.lift, base.mean_usd)
    design = LiftDesign(lift, **question.test)  # type: ignore[arg-type]  # fields by name
    lifts: list[Row] = [dataclasses.asdict(row) for row in lift_rows(design, base, question.lengths)]
    weeks = weeks_needed(design, base)
    rows: list[Row] = [dataclasses.asdict(row) for row in _guardrail_rows(question, design, world, lived)]
    if as_json:
        facts = {"baseline": dataclasses.asdict(base), "test": dataclasses.asdict(design), "weeks_needed": weeks}
        print_json({**facts, "lift": lifts, "guardrail": rows})
        return
    _tell(base, design, weeks)
    print_rows(lifts, "lift: users needed in all, by length of the test")
    if rows:
        print_rows(rows, "guardrail: calendar weeks until the monitor speaks")


def _tell(base: Baseline, design: LiftDesign, weeks: int | None) -> None:
    show(f"a user-week left alone is worth {base.mean_usd:.4g} usd, sd {base.sd_usd:.4g}, {base.icc:.0%} of it lasting")
    long = "more than two years" if weeks is None else f"{weeks} weeks"
    adjusted = f", adjusted for a covariate correlated {base.correlation:.2f}" if base.correlation else ""
    side = "two sides" if design.sides == 2 else "one side"
    asked = f"alpha {design.alpha:g} on {side}, power {design.power:g}, {design.spending} spending"
    show(f"a lift of {design.lift_usd:.4g} usd a user-week ({asked}) takes {design.users} users {long}{adjusted}")


def _baseline(question: Question, lived: Lived | None) -> Baseline:
    if lived is None and question.sd is None:
        raise ConfigError("sd: needed is how much a user-week varies; name a scenario, or give --sd (and --mean)")
    told = {"mean_usd": question.mean, "sd_usd": question.sd, "icc": question.icc, "correlation": question.correlation}
    given = {name: number for name, number in told.items() if number is not None}
    base = Baseline(0.0, 1.0) if lived is None else lived.baseline
    return dataclasses.replace(base, **given)  # type: ignore[arg-type]  # fields by name


def _guardrail_rows(
    question: Question, design: LiftDesign, world: Scenario | None, lived: Lived | None
) -> list[GuardrailRow]:
    asked_for = (question.guardrail, question.limit, question.size_mean, question.loss_mean)
    if world is None and all(value is None for value in asked_for):
        return []
    seen, limit, max_loss = _of_world(question, world, lived) if world and lived else _of_numbers(question)
    cap = question.cap or float(np.quantile(seen.size, CAP_QUANTILE))
    positive("margin", question.margin)
    users = [max(1, round(design.users * design.share * part)) for part in _SIZES]
    asked = Asked(limit, cap, design.alpha, design.power, max_loss_usd=max_loss or math.inf, seed=question.seed)
    rows = alarm_rows(seen, asked, limit * (1 + question.margin), users)
    if max_loss is not None:
        rows += certificate_rows(seen, asked, _kept(question.rate, limit, seen.rate(cap)), users)
    return rows


def _kept(rate: float | None, limit: float, usual: float) -> float:
    """The rate that is to be certified. Raises ConfigError where it breaks the limit."""
    truth = usual if rate is None else positive("rate", rate)
    if truth >= limit:
        raise ConfigError(
            f"rate: {truth:g} is not under the limit {limit:g}; nothing can be certified: give a lower one"
        )
    return truth


def _of_numbers(question: Question) -> tuple[UserWeeks, float, float | None]:
    needed = {
        "limit": question.limit, "size-mean": question.size_mean, "loss-mean": question.loss_mean,
        "max-loss": question.max_loss, "rate": question.rate,
    }  # fmt: skip
    missing = [
        f"{name}: needed for a guardrail without a scenario" for name, number in needed.items() if number is None
    ]
    if question.guardrail is not None:
        missing.append(f"guardrail: {question.guardrail!r} is of a scenario; name one, or give --limit instead")
    if missing:
        raise ConfigError(missing)
    limit, size, loss, most, _ = (float(number or 0.0) for number in needed.values())
    return assumed_user_weeks(size, loss, most, question.seed), positive("limit", limit), most


def _of_world(question: Question, world: Scenario, lived: Lived) -> tuple[UserWeeks, float, float | None]:
    guardrail = _chosen(question.guardrail, world)
    columns, shape = lived.columns, (len(lived.columns["assigned"]),)
    loss = weighted_sum(guardrail.numerator, columns, shape)
    size = weighted_sum(guardrail.denominator or {}, columns, shape)
    if not loss.sum() > 0 or not size.sum() > 0:
        raise ConfigError(f"guardrail: {guardrail.name} has no events when users are left alone; give numbers instead")
    total = {c: w * float(columns[c].sum()) for c, w in guardrail.numerator.items()}
    late = {c: lived.reported_share[c] for c in total if c in lived.reported_share}
    reported = {
        age: sum(t * float(late[c][min(age, len(late[c]) - 1)] if c in late else 1.0) for c, t in total.items())
        / sum(total.values())
        for age in (ALARM_AGES if late else (0,))
    }
    mature = max((len(share) - 1 for share in late.values()), default=0)
    money = all(c.startswith("loss_") for c in guardrail.numerator)
    most = question.max_loss or (max(arm.max_loss_usd for arm in world.arms) if money else None)
    return UserWeeks(loss, size, reported, mature), question.limit or guardrail.limit, most


def _chosen(name: str | None, world: Scenario) -> Guardrail:
    ratios = [g for g in world.guardrails if g.denominator is not None and g.sense == "<=" and g.limit > 0]
    if name is None:
        if not ratios:
            raise ConfigError(f"guardrail: {world.name} has none with a denominator; give --limit and numbers")
        return ratios[0]
    chosen = find(world.guardrails, name)
    if chosen not in ratios:
        known = ", ".join(g.name for g in ratios)
        raise ConfigError(
            f"guardrail: {name} is no upper limit on a ratio, which these monitors watch; there are {known}"
        )
    return chosen
