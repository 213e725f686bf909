"""Answers `rage describe`: what a world consists of, in words and tables that a newcomer can read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from experiments.console import print_json, print_rows, show
from rage_env import scenario
from rage_env.cohort import CohortEnv
from rage_env.delays import DelayLaw
from rage_env.guardrails import Guardrail

__all__ = ["arm_rows", "delay_rows", "describe_command", "guardrail_rows", "rule", "world_of"]

Row = dict[str, object]


def world_of(name_or_path: str, overrides: Sequence[str], users: int, seed: int) -> CohortEnv:
    """A cohort in that world. Raises ConfigError."""
    world = scenario.load(name_or_path, overrides)
    return CohortEnv(users, str(name_or_path), scenario=world.model_dump(mode="json"), seed=seed)


def describe_command(name_or_path: str, overrides: Sequence[str], *, as_json: bool) -> None:
    """Print the world, as tables or as JSON. Raises ConfigError."""
    world = scenario.load(name_or_path, overrides)
    tables: dict[str, list[Row]] = {
        "arms": arm_rows(world),
        "guardrails": [guardrail_rows(g) for g in world.guardrails],
        "share_reported_by_age_in_weeks": delay_rows(world.delay_laws),
    }
    facts: Row = {
        "name": world.name,
        "description": " ".join(world.description.split()),
        "weeks": world.weeks,
        "burn_in_weeks": world.burn_in_weeks,
        "retention_value_usd": world.retention_value_usd,
        "status_quo": f"{world.status_quo.arm} to a random {world.status_quo.share:.0%} each week",
        "mechanisms": list(world.used),
        "numbers_assumed": sum(source.startswith("assumed") for source in world.sources.values()),
        "numbers_sourced": sum(not source.startswith("assumed") for source in world.sources.values()),
    }
    if as_json:
        print_json({**facts, **tables})
        return
    show(f"{facts['name']}: {facts['description']}\n")
    for name in ("weeks", "burn_in_weeks", "retention_value_usd", "status_quo"):
        show(f"{name:<20} {facts[name]}")
    show(f"{'mechanisms':<20} {', '.join(world.used)}")
    for title, rows in tables.items():
        if rows:
            print_rows(rows, title.replace("_", " "))
    show("\nWhere each number comes from: `sources` at the end of the scenario's file, or `rage config`.")


def arm_rows(world: scenario.Scenario) -> list[Row]:
    """One row an arm: its public physics."""
    return [
        {
            "arm": spec.name,
            "channel": spec.channel,
            "contact_cost_usd": spec.contact_cost_usd,
            "offer_cap_usd": spec.offer_cap_usd,
            "max_loss_usd": spec.max_loss_usd,
            "mean_loss_bound_usd": spec.mean_loss_bound_usd,
        }
        for spec in world.specs
    ]


def guardrail_rows(guardrail: Guardrail) -> Row:
    """One guardrail as a row."""
    return {
        "guardrail": guardrail.name,
        "rule": rule(guardrail),
        "each": guardrail.horizon,
        "over": guardrail.scope.column or guardrail.scope.kind,
        "kept": "in every draw" if guardrail.hard else "in expectation",
    }


def rule(guardrail: Guardrail) -> str:
    """The guardrail as a formula: `loss_fraud + loss_credit <= 0.0025 x gmv`."""
    left, limit = _sum(guardrail.numerator), f"{guardrail.limit:g}"
    if guardrail.denominator:
        limit += f" x {_sum(guardrail.denominator, grouped=True)}"
    if guardrail.relative_to:
        left += f" beyond {guardrail.relative_to}"
    if guardrail.between:
        left += f" between codes {guardrail.between[0]} and {guardrail.between[1]}"
    return f"{left} {guardrail.sense} {limit}"


def _sum(weights: Mapping[str, float], *, grouped: bool = False) -> str:
    terms = [name if weight == 1 else f"{weight:g} {name}" for name, weight in weights.items()]
    text = " + ".join(terms)
    return f"({text})" if grouped and len(terms) > 1 else text


def delay_rows(laws: Mapping[str, DelayLaw]) -> list[Row]:
    """One row a delayed column: the share reported by some ages."""
    rows: list[Row] = []
    for column, law in laws.items():
        share = law.reported_share
        at = {f"week {age}": float(share[min(age, len(share) - 1)]) for age in (0, 2, 4, 8, 12)}
        rows.append({"column": column, **at})
    return rows
