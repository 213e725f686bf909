"""Which names are public: by module, in the groups in which the reference shows them.

A module that says nothing here beside its name is public in all of its `__all__`; others name what is.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence

__all__ = ["GROUPS", "Group", "modules", "public"]

Group = Mapping[str, Sequence[str] | None]
"""{module: its public names, or None for all that it exports}."""

GROUPS: Mapping[str, Group] = {
    "The world": {
        "rage_env": None,
        "rage_env.checks": None,
        "rage_env.cohort": None,
        "rage_env.user": None,
        "rage_env.truth": None,
        "rage_env.rollout": None,
        "rage_env.interface": None,
        "rage_env.outcomes": None,
        "rage_env.guardrails": ("Guardrail", "Scope"),
        "rage_env.delays": None,
        "rage_env.scenario": None,
        "rage_env.log": ("CohortLog", "LogMeta", "LogWriter", "Reports", "WeekLog", "validate_log"),
        "rage_env.cost": ("CostEnv",),
        "rage_env.sb3": None,
        "rage_env.errors": None,
    },
    "Agents": {
        "agents": None,
        "agents.interface": None,
        "agents.parameters": None,
        "agents.fixed": None,
        "agents.learner": None,
        "agents.allocation": None,
        "agents.allocation.sharded": None,
        "agents.allocation.shard": None,
        "agents.safety": ("Guard",),
        "agents.uplift": None,
    },
    "Experiments": {
        "experiments": None,
        "experiments.config": None,
        "experiments.results": None,
        "experiments.recheck": ("Recheck", "check_stored"),
        "experiments.replay.replay": None,
        "experiments.executor": ("Executor", "RayCluster", "map_tasks"),
        "experiments.tracking": ("Tracked", "track"),
    },
    "Offline evaluation": {
        "experiments.estimators": None,
        "experiments.estimators._base": ("Estimand", "Estimator", "Ratio", "Rows", "Sum"),
        "experiments.log_source": None,
        "experiments.intervals": None,
        "experiments.certificates": None,
        "experiments.learning": None,
        "experiments.uplift_metrics": ("Interval", "UpliftMetrics", "uplift_metrics"),
        "experiments.uplift_value": None,
        "experiments.exports": None,
    },
    "Sequential monitors": {
        "experiments.monitors": None,
    },
}


def modules() -> Iterator[str]:
    """Every public module, in the order of the reference."""
    for group in GROUPS.values():
        yield from group


def public(module: str) -> tuple[str, ...]:
    """The public names of a module of GROUPS, in the order in which they are shown."""
    named = next(group[module] for group in GROUPS.values() if module in group)
    return tuple(importlib.import_module(module).__all__ if named is None else named)
