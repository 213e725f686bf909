"""Cohorts of a study's world: the same people for every agent, by seed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from experiments.config import ExperimentConfig
from rage_env.cohort import CohortEnv
from rage_env.interface import Observation, observe

__all__ = ["cohort", "live"]


def cohort(config: ExperimentConfig, seed: int) -> tuple[CohortEnv, Observation]:
    """The study's users under this seed, burn-in behind them, and what is observed of them at week 0."""
    overrides: Mapping[str, object] = config.scenario_overrides
    env = CohortEnv(config.users, config.scenario, scenario=overrides, seed=seed, keep_burn_in=True, weeks=config.weeks)
    return env, observe(*env.reset(seed=seed))


def live(env: CohortEnv, arm: NDArray[np.int64]) -> Observation:
    """Live one week under these arms (n,); what is observed afterwards."""
    obs, _, _, _, info = env.step(arm)
    return observe(obs, info)
