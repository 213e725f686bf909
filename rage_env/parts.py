"""The moving parts of a scenario in one week: parameters of mechanisms, arms and newcomers after drift."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from rage_env import drift, drift_checks, mechanisms
from rage_env.arms import Arm, ArmTable
from rage_env.population import PopulationParams

if TYPE_CHECKING:
    from rage_env.scenario import Scenario

__all__ = ["Parts", "drift_problems", "parts_at"]

Tree = Any  # a JSON tree


@dataclass(frozen=True, eq=False)
class Parts:
    """used: {mechanism: parameters}, parents first."""

    used: Mapping[str, Any]
    arms: ArmTable
    population: PopulationParams


def parts_at(scenario: Scenario, week: int, key: int) -> Parts:
    """The parts as they stand in a week of the calendar. key: of seed and episode."""
    if not scenario.drift:
        return Parts(scenario.used, ArmTable.of(scenario.arms), scenario.population)
    tree = drift.patched(_tree(scenario), scenario.drift, week, key)
    return _validated(scenario, tree)


def drift_problems(scenario: Scenario) -> list[str]:
    """Every drift whose target is unknown or would leave its range within the scenario's weeks."""
    if not scenario.drift:
        return []
    weeks = range(-scenario.burn_in_weeks, scenario.weeks)

    def wrong(tree: Tree) -> str:
        try:
            _validated(scenario, tree)
        except ValidationError as error:
            return str(error.errors()[0]["msg"])
        return ""

    return list(drift_checks.problems(_tree(scenario), scenario.drift, weeks, wrong))


def _tree(scenario: Scenario) -> Tree:
    return scenario.model_dump(mode="json", include=set(drift.ROOTS), exclude_none=True)


def _validated(scenario: Scenario, tree: Tree) -> Parts:
    """Raises pydantic.ValidationError for a number outside its range."""
    touched = {d.target.split(".")[1] for d in scenario.drift if d.target.startswith("mechanisms.")}
    used = {
        name: mechanisms.module(name).Params.model_validate_json(json.dumps(tree["mechanisms"][name]))
        if name in touched
        else params
        for name, params in scenario.used.items()
    }
    arms = [Arm.model_validate_json(json.dumps(arm)) for arm in tree["arms"]]
    population = PopulationParams.model_validate_json(json.dumps(tree["population"]))
    return Parts(used, ArmTable.of(arms), population)
