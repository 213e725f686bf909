"""Answers `rage describe`: a world in tables that a newcomer can read, from `rage_env.describe`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from experiments.console import print_json, print_rows, show
from rage_env import describe as world_tables
from rage_env import scenario
from rage_env.guardrails import Guardrail
from rage_env.scenario import Scenario

__all__ = ["describe_command", "rule"]

Row = dict[str, object]
_OF_SOURCES = "assumptions"  # the one table that runs over many screens


def describe_command(name_or_path: str, overrides: Sequence[str], *, users: int, sources: bool, as_json: bool) -> None:
    """Print the world, as tables or as JSON. users: of the reference cohort. Raises ConfigError."""
    world = scenario.load(name_or_path, overrides)
    tables = world_tables.describe(world, users)
    facts = _facts(world)
    arms, guardrails = _arms(world), [_guardrail(g) for g in world.guardrails]
    if as_json:
        print_json({**facts, "arms": arms, "guardrails": guardrails, "tables": world_tables.to_json(tables)})
        return
    show(f"{facts.pop('name')}: {facts.pop('description')}\n")
    for name, held in facts.items():
        show(f"{name:<20} {held}")
    print_rows(arms, "arms")
    print_rows(guardrails, "guardrails")
    for table in tables:
        if table.rows and (sources or table.title != _OF_SOURCES):
            print_rows([dict(zip(table.columns, row, strict=True)) for row in table.rows], table.title)
            show(table.note)
    if not sources:
        show("\nEvery number with its source: the same command with --sources.")


def _facts(world: Scenario) -> Row:
    assumed = sum(source.startswith("assumed") for source in world.sources.values())
    return {
        "name": world.name,
        "description": " ".join(world.description.split()),
        "weeks": world.weeks,
        "burn_in_weeks": world.burn_in_weeks,
        "retention_value_usd": world.retention_value_usd,
        "status_quo": f"{world.status_quo.arm} to a random {world.status_quo.share:.0%} each week",
        "mechanisms": ", ".join(world.used),
        "sources": f"{len(world.sources) - assumed} cited, {assumed} assumed",
    }


def _arms(world: Scenario) -> list[Row]:
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


def _guardrail(guardrail: Guardrail) -> Row:
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
