"""describe: a world in tables: what was assumed and why, what each arm earns, how far it uses the guardrails.

For people who must decide whether to believe a scenario; `rage describe` prints it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rage_env import mechanisms
from rage_env import scenario as scenarios
from rage_env.economics import REFERENCE_SEED, REFERENCE_USERS, Economics, economics
from rage_env.outcomes import LOSSES, net_revenue
from rage_env.scenario import Scenario
from rage_env.state import Archetype

__all__ = ["Cell", "Table", "describe", "to_json"]

Cell = str | float | int | None  # None: not defined
_SHOWN_AGES = (1, 2, 4, 6, 8, 12, 18)


@dataclass(frozen=True)
class Table:
    """A titled table: `columns` name the cells of every row, `note` says how to read it."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""


def describe(world: str | Path | Scenario, users: int = REFERENCE_USERS) -> list[Table]:
    """Tables on a scenario (its name, path or itself). users: size of the reference cohort. Raises ConfigError."""
    scenario = scenarios.load(world)
    facts = economics(scenario, users)
    return [
        _unit_economics(facts),
        _value_by_archetype(facts),
        _guardrail_usage(facts),
        _delays(scenario),
        _integrated(scenario),
        _assumptions(scenario),
    ]


def to_json(tables: Sequence[Table]) -> list[dict[str, Any]]:  # Any: JSON
    """The tables as plain data for `json.dumps`, each row a list in the order of `columns`."""
    return [asdict(table) for table in tables]


def _unit_economics(facts: Economics) -> Table:
    mean, worth = facts.means, facts.value
    net = net_revenue(mean)
    rows = [
        (
            arm.name,
            _cell(mean["active"][a]),
            _cell(mean["gmv"][a]),
            _cell(mean["revenue_gross"][a]),
            _cell(mean["bonus_cost"][a] + mean["contact_cost"][a]),
            *(_cell(mean[c][a]) for c in LOSSES),
            _cell(net[a]),
            _cell(1000 * mean["churned"][a]),
            _cell(worth[a]),
            _cell(worth[a] - worth[0]),
        )
        for a, arm in enumerate(facts.scenario.arms)
    ]
    columns = (
        "arm", "active", "gmv_usd", "revenue_gross_usd", "offer_and_contact_usd", "loss_fraud_usd",
        "loss_bonus_abuse_usd", "loss_credit_usd", "net_revenue_usd", "churned_per_1000", "value_usd",
        "value_vs_no_offer_usd",
    )  # fmt: skip
    note = (
        f"Conditional means per assigned user-week if everyone got the arm for one week: {facts.users} reference users "
        f"(seed {REFERENCE_SEED}), weeks {', '.join(map(str, facts.weeks))} of an episode without offers. "
        f"value = net revenue - {facts.scenario.retention_value_usd:g} x churned."
    )
    return Table("unit economics per arm", columns, tuple(rows), note)


def _value_by_archetype(facts: Economics) -> Table:
    worth = facts.value_by_archetype
    rows = [
        (arm.name, *(_cell(worth[kind, a] - worth[kind, 0]) for kind in Archetype))
        for a, arm in enumerate(facts.scenario.arms)
    ]
    note = "Dollars of value against no_offer per present user-week; archetypes are never observed."
    return Table("value of an offer by archetype", ("arm", *(k.name.lower() for k in Archetype)), tuple(rows), note)


def _guardrail_usage(facts: Economics) -> Table:
    rows = []
    for guardrail in facts.scenario.guardrails:
        by_arm, usual = facts.usage(guardrail)
        rows.append((guardrail.name, guardrail.sense, guardrail.limit, *map(_cell, by_arm), _cell(usual)))
    columns = ("guardrail", "sense", "limit", *(f"all_{name}" for name in facts.scenario.arm_names), "status_quo")
    note = (
        "Usage in the unit of the limit if everyone got the arm, and under the status quo. Guardrails without a "
        "denominator: numerator per assigned user-week; relative ones: beyond the status quo."
    )
    return Table("guardrail usage against limit", columns, tuple(rows), note)


def _delays(scenario: Scenario) -> Table:
    rows = []
    for column, law in scenario.delay_laws.items():
        share = law.reported_share
        rows.append((column, *(_cell(share[min(age, law.max_weeks)]) for age in _SHOWN_AGES), law.max_weeks))
    columns = ("column", *(f"week_{age}" for age in _SHOWN_AGES), "longest_weeks")
    return Table("share reported by age", columns, tuple(rows), "All other columns are known at once.")


def _integrated(scenario: Scenario) -> Table:
    rows = tuple((m, c) for m in scenario.used for c in getattr(mechanisms.module(m), "INTEGRATED", ()))
    note = "Columns whose mechanism declares that its mean is integrated on fixed nodes; all other means are closed."
    return Table("means integrated numerically", ("mechanism", "column"), rows, note)


def _assumptions(scenario: Scenario) -> Table:
    tree = scenario.model_dump(mode="json", exclude={"sources", "name", "description"}, exclude_none=True)
    names: dict[str, Any] = {**tree, "arms": {a["name"]: a for a in tree["arms"]}}
    names["guardrails"] = {g["name"]: g for g in tree["guardrails"]}
    rows = tuple((path, shown, _source(path, scenario.sources)) for path, shown in _leaves(names, ""))
    return Table("assumptions", ("number", "value", "source"), rows, "Units stand in the names; see the schema.")


def _leaves(node: Any, path: str) -> Iterator[tuple[str, Cell]]:  # Any: a JSON tree
    if isinstance(node, Mapping):
        for key, child in node.items():
            yield from _leaves(child, f"{path}.{key}" if path else str(key))
    elif isinstance(node, list):
        if node and all(_is_number(x) for x in node):
            yield path, ", ".join(f"{x:g}" for x in node)
    elif _is_number(node):
        yield path, node


def _is_number(x: object) -> bool:
    return isinstance(x, int | float) and not isinstance(x, bool)


def _source(path: str, sources: Mapping[str, str]) -> str:
    parts = path.split(".")
    for end in range(len(parts), 0, -1):
        found = sources.get(".".join(parts[:end]))
        if found is not None:
            return found
    return "default of the schema"


def _cell(x: float | np.floating | NDArray[np.floating]) -> Cell:
    """A plain number with six digits, or None where it is not defined."""
    number = float(x)
    return float(f"{number:.6g}") if math.isfinite(number) else None
