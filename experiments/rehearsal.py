"""Before anything long starts: does every agent take this world, and does every monitor take these users?"""

from __future__ import annotations

from collections.abc import Iterator

from experiments.acting import problem_of
from experiments.cohorts import cohort
from experiments.completed import Completed
from experiments.config import ExperimentConfig
from experiments.config_names import ORACLES
from experiments.offered import Told
from experiments.runner import agent_of
from experiments.watch_list import watches
from rage_env.cohort import CohortEnv
from rage_env.errors import ConfigError, InputError

__all__ = ["refuse_misfits"]


def refuse_misfits(config: ExperimentConfig) -> None:
    """Nothing, if agents and monitors can start on the first seed. Raises ConfigError with everything that cannot."""
    env, observation = cohort(config, config.seeds[0])
    told = Told.of(env, Completed.of(env, observation.user_id), observation.unit)
    found = [*_agents(config, env), *_monitors(config, told)]
    if found:
        raise ConfigError(found)


def _agents(config: ExperimentConfig, env: CohortEnv) -> Iterator[str]:
    problem = problem_of(env, config.weeks, config.floor, None)
    for i, entry in enumerate(config.agents):
        if entry.kind in ORACLES:
            continue  # told nothing at the start, and costly to make
        try:
            agent_of(config, entry).start(problem)
        except InputError as error:
            yield from (f"agents.{i}: {line}" for line in str(error).splitlines())


def _monitors(config: ExperimentConfig, told: Told) -> Iterator[str]:
    try:
        watches(config, told, is_control=False)
    except InputError as error:
        yield from str(error).splitlines()
