"""The experiment of a results folder, for whoever lives its weeks again."""

from __future__ import annotations

from experiments.config import ExperimentConfig
from experiments.results import Results
from rage_env.errors import LogError
from rage_env.yamlfile import config_hash

__all__ = ["stored_experiment"]


def stored_experiment(stored: Results) -> ExperimentConfig:
    """As it was run. Raises LogError where its world is not what it was then."""
    config = ExperimentConfig.model_validate_json((stored.path / "config.json").read_text(encoding="utf-8"))
    now = config_hash(config.world())
    if now != stored.study.scenario_hash:
        raise LogError(
            f"{stored.path}: the world {config.scenario} has changed since ({stored.study.scenario_hash[:12]}, now "
            f"{now[:12]}), so there is nothing to compare; bring back the scenario's file as it was"
        )
    return config
