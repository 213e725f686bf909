"""What a log cannot tell of a world, and why: some by its nature, some as measured by simulation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from experiments.calibration.parameters import PARAMETERS
from experiments.calibration.target import Target
from rage_env.scenario import Scenario

__all__ = ["Untold", "untold"]


_NEARER = "a base scenario whose numbers lie nearer"


@dataclass(frozen=True)
class Untold:
    """A part of the scenario that stays as it was, why, and what would tell it. measured: found by simulation."""

    what: str
    why: str
    would_tell: str
    measured: bool = False


_ALWAYS = (
    ("population.archetype", "who responds to offers shows only in what offers change", "arms given at random"),
    ("arms", "effects of arms are mixed with whom they were given to", "arms given at random, with their propensities"),
    ("mechanisms.response", "saturation and fatigue are effects of contacts", "contacts given at random over months"),
    ("population.fraud_mix", "nobody is labelled as a cheat", "fraud reports by user"),
    ("mechanisms.fraud", "losses and their causes are not in the log", "fraud losses by user and week"),
    ("mechanisms.abuse", "incidents of bonus abuse are not in the log", "incidents by user and week"),
    ("mechanisms.credit", "credit losses are not in the log", "charge-offs by user and week"),
    ("population.signals", "how well signals show what is hidden needs the hidden", "labels beside the signals"),
    ("population.churn.oldest_age_weeks", "ages before the first week are not in the log", "dates of joining"),
    ("delays", "dates of reports are not in the log", "a report's week beside the week that caused it"),
    ("retention_value_usd", "a judgement, not a fact of the log", "margins of those who stayed"),
)


def untold(
    target: Target, world: Scenario, sought: Sequence[str], widths: Mapping[str, float], at_edge: Sequence[str]
) -> Iterator[Untold]:
    """Parts of this scenario that the target leaves open. widths: {path: posterior over prior sd} of those too wide."""
    for path, width in widths.items():
        yield Untold(
            path,
            f"posterior is {width:.0%} as wide as the prior: moments hardly change with it",
            "more users or weeks, or newborn cohorts" if "churn" in path else "more users or weeks",
            measured=True,
        )
    for path in at_edge:
        yield Untold(path, "the posterior leans on the edge of the box that was searched", _NEARER, measured=True)
    held = world.model_dump(mode="json", exclude_none=True)
    for parameter in PARAMETERS:
        if parameter.path not in sought and _stands(held, parameter.path):
            yield Untold(parameter.path, _absent(parameter.path, target), _column(parameter.path))
    for what, why, would in _ALWAYS:
        if _stands(held, what):
            yield Untold(what, why, would)


def _absent(path: str, target: Target) -> str:
    if path.startswith("population.churn"):
        seen = target.design.departures
        return "nobody left while watched" if seen == "none" else "who left is not marked"
    return "no moment of it was given"


def _column(path: str) -> str:
    if path.startswith("population.churn"):
        return "a column `churned`, or a row for every week that a customer is one"
    return "a column `transactions`" if path.endswith("ticket_usd") else "a column `gmv` or `active` by week"


def _stands(held: object, path: str) -> bool:
    for step in path.split("."):
        if not isinstance(held, Mapping) or step not in held:
            return False
        held = held[step]
    return True
