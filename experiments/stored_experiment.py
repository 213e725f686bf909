"""The experiment of a results folder, for whoever reads it or lives its weeks again."""

from __future__ import annotations

import json

from experiments.config import ExperimentConfig
from experiments.results import Results
from rage_env.errors import LogError
from rage_env.yamlfile import config_hash

__all__ = ["config_of", "stored_experiment"]


def config_of(results: Results) -> ExperimentConfig:
    """The experiment. Raises LogError where this version cannot read it."""
    try:
        return ExperimentConfig.model_validate_json(json.dumps(results.config))
    except ValueError as error:
        raise LogError(
            f"{results.path / 'config.json'}: is no experiment of this version ({str(error).splitlines()[0]}); "
            f"run the study again: rage run {results.study.name}"
        ) from error


def stored_experiment(stored: Results) -> ExperimentConfig:
    """As it was run. Raises LogError where its world is not what it was then."""
    config = config_of(stored)
    now = config_hash(config.world())
    if now != stored.study.scenario_hash:
        raise LogError(
            f"{stored.path}: the world {config.scenario} has changed since ({stored.study.scenario_hash[:12]}, now "
            f"{now[:12]}), so there is nothing to compare; bring back the scenario's file as it was"
        )
    return config
