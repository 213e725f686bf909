"""Before anything long starts: can every group keep its part of the limits, and has every group enough units?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from experiments.ab.groups import Groups, assign
from experiments.ab.limits import pro_rata
from experiments.ab.view import observed_by, truth_of
from experiments.cohorts import cohort
from experiments.config import ExperimentConfig
from experiments.feasible import refuse_unkept
from rage_env.cohort import CohortEnv
from rage_env.errors import ConfigError, GuardrailError, InputError
from rage_env.interface import Observation
from rage_env.standing import Standing

__all__ = ["refuse_groups"]

LEAST_UNITS = 20
"""Fewer units than this in a group say nothing of it, nor of the groups it is compared with."""


def refuse_groups(config: ExperimentConfig) -> None:
    """Nothing, if the groups can be made and can keep their part of every total in the first week of the first seed.

    Raises ConfigError or GuardrailError with everything that stands against it.
    """
    assert config.ab is not None
    env, observation = cohort(config, config.seeds[0])
    groups = assign(config.ab, [a.label for a in config.agents], config.seeds[0], observation.unit)
    small = [
        f"ab: group {name} has {units} units of {config.users} users (share {share:.3g}); at least {LEAST_UNITS} are "
        "needed. Give more users, or a larger share"
        for code, (name, share) in enumerate(zip(groups.names, groups.shares, strict=True))
        if (units := len(np.unique(observation.unit[groups.rows(code)]))) < LEAST_UNITS
    ]
    if small:
        raise ConfigError(small)
    found = list(_unkept(env, observation, groups))
    if found:
        raise GuardrailError("\n".join(found))


def _unkept(env: CohortEnv, observation: Observation, groups: Groups) -> Iterator[str]:
    """Limits on totals of which some group cannot keep its part.

    Limits on rates were put to the whole population: a group that happens to hold more fraudsters breaks no plan.
    """
    means, retention = env.truth.mean_outcomes(), env.scenario.retention_value_usd
    totals = [g for g in env.scenario.guardrails if g.denominator is None]
    for code, (name, share) in enumerate(zip(groups.names, groups.shares, strict=True)):
        rows = groups.rows(code)
        try:
            limits = pro_rata(totals, share, name)
            mine = observed_by(observation, rows, np.ones(len(rows), np.bool_), Standing(limits))
            refuse_unkept(limits, truth_of(means, mine, rows, limits, retention), env.arm_names)
        except InputError as error:
            yield from (f"group {name}: {line}" for line in str(error).splitlines())
