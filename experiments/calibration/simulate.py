"""Lives a scenario's people under given parameters, watched as the log's people were, and measures them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from pydantic import ValidationError

from experiments.calibration.moments import measured
from experiments.calibration.parameters import nested
from experiments.calibration.target import Design
from experiments.facts.panel import Panel, live
from rage_env.cohort import CohortEnv
from rage_env.errors import ConfigError
from rage_env.overrides import merged, plain
from rage_env.scenario import Scenario

__all__ = ["LARGEST", "changed_world", "lean", "simulate", "simulated_moments"]

LARGEST = 4_000
"""People simulated at most; a larger log is compared with fewer people, which can only widen intervals."""

_NEVER = 1e-12  # a rate at which nobody leaves
_SEEDS = 1 << 63  # that a world can be reset with


def lean(world: Scenario, design: Design) -> Scenario:
    """The same lives with less to compute: no guardrails, and archetypes drawn at random where nobody is contacted.

    Archetypes say how offers work; people who are left alone live the same whichever they have. Where only those who
    stayed were watched, nobody leaves.
    """
    archetype = world.population.archetype
    if design.contact_share == 0:
        archetype = archetype.model_copy(update={"sharpness": 0.0})
    population = world.population.model_copy(update={"archetype": archetype})
    mechanisms = world.mechanisms
    if design.departures == "none":
        stay = world.used["churn"].model_copy(update={"highest_rate": _NEVER})
        mechanisms = mechanisms.model_copy(update={"churn": stay})
    sources = dict.fromkeys(type(world).model_fields, "assumed")
    return world.model_copy(
        update={"guardrails": (), "population": population, "mechanisms": mechanisms, "sources": sources}
    )


def changed_world(world: Scenario, values: Mapping[str, float]) -> Scenario:
    """The scenario with these numbers in place of its own. Raises ConfigError where its schema refuses them."""
    fields = merged(world.model_dump(mode="json"), plain(nested(values)))
    try:
        return type(world).model_validate_json(json.dumps(fields))
    except ValidationError as error:
        raise ConfigError([f"{world.name}: {e['loc']}: {e['msg']}" for e in error.errors()]) from error


def simulate(world: Scenario, values: Mapping[str, float], design: Design, seed: int) -> Panel:
    """The weeks of at most `design.users` people. values: {dotted path: number} in place of the scenario's own."""
    newborn = design.ages == "newborn"
    span = {"weeks": design.weeks} | ({"burn_in_weeks": 0} if newborn else {})  # nothing to live through before joining
    env = CohortEnv(design.users, changed_world(world, {**values, **span}), newborn=newborn)
    env.reset(seed=seed % _SEEDS)
    arm = world.arm_names.index(world.status_quo.arm)
    panel = live(env, design.weeks, design.columns, arm=arm, share=design.contact_share)
    if design.active_within:
        panel = panel.of(np.any(panel.active[: design.active_within] > 0, axis=0))
    return replace(panel, present=np.ones_like(panel.present)) if design.departures == "unseen" else panel


def simulated_moments(world: Scenario, values: Mapping[str, float], design: Design, seed: int) -> dict[str, float]:
    """{moment: value} of such people; none where the scenario's schema refuses the values."""
    try:
        return measured(simulate(world, values, design, seed))
    except ConfigError:
        return {}
