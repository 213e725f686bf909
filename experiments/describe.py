"""Answers `rage describe`: a world in tables that a newcomer can read, from `rage_env.describe`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np

from experiments.console import print_json, print_rows, show
from rage_env import describe as world_tables
from rage_env import scenario
from rage_env.economics import REFERENCE_SEED
from rage_env.guardrails import Guardrail
from rage_env.outcomes import DELAYED
from rage_env.scenario import Scenario

__all__ = ["describe_command", "rule"]

Row = dict[str, object]
_COMPANY = 1_000_000  # users
_NETWORK_COLUMNS = ("transactions", "fraud_reports", "disputes", "chargebacks")
_OF_SOURCES = "assumptions"  # the one table that runs over many screens


def describe_command(name_or_path: str, overrides: Sequence[str], *, users: int, sources: bool, as_json: bool) -> None:
    """Print the world, as tables or as JSON. users: of the reference cohort. Raises ConfigError."""
    world = scenario.load(name_or_path, overrides)
    tables = world_tables.describe(world, users)
    facts = _facts(world)
    arms, guardrails = _arms(world), [_guardrail(g) for g in world.guardrails]
    networks = _networks(world, users)
    if as_json:
        shown = {"arms": arms, "guardrails": guardrails, "networks": networks}
        print_json({**facts, **shown, "tables": world_tables.to_json(tables)})
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
    if networks:
        print_rows(networks, "card networks by month of four weeks")
        show(f"Nobody is offered anything; cases as of a company of {_COMPANY:,} users; limits of April 2026.")
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


def _networks(world: Scenario, users: int) -> list[Row]:
    """One row a month of a cohort that is left alone; none where the world has no charge-backs or is too short."""
    from experiments.facts.networks import MONTH_WEEKS, months
    from rage_env.cohort import CohortEnv

    if "disputes" not in world.used or world.weeks < 2 * MONTH_WEEKS:
        return []
    env = CohortEnv(users, world, seed=REFERENCE_SEED)
    env.reset()
    weekly = np.zeros((len(_NETWORK_COLUMNS), world.weeks))
    for week in range(world.weeks):
        env.step(np.zeros(users, np.int64))
        known, settled = env.reports(), env.columns()["transactions"]
        told = [known.amount[known.column == DELAYED.index(c)].sum() for c in _NETWORK_COLUMNS[1:]]
        weekly[:, week] = [settled.sum(dtype=np.float64), *told]
    found = months(dict(zip(_NETWORK_COLUMNS, weekly, strict=True)), scale=_COMPANY / users)
    return [{name: _plain(held) for name, held in asdict(month).items()} for month in found]


def _plain(held: object) -> object:
    return (None if math.isnan(held) else float(f"{held:.4g}")) if isinstance(held, float) else held


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
