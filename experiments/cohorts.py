"""Cohorts of a study's world: the same people for every agent, by seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from experiments.config import ExperimentConfig
from rage_env.cohort import CohortEnv
from rage_env.interface import Observation, observe
from rage_env.scenario import Scenario, load
from rage_env.seated import cohort_for

__all__ = ["Stage", "cohort", "live"]


def cohort(config: ExperimentConfig, seed: int) -> tuple[CohortEnv, Observation]:
    """The study's users under this seed, burn-in behind them, and what is observed of them at week 0."""
    return Stage.of(config, seed).open()


@dataclass(frozen=True, eq=False)
class Stage:
    """One seed of a study, its world read once: whoever lives the same seed several times opens it again."""

    config: ExperimentConfig
    seed: int
    world: Scenario  # with the study's overrides and weeks

    @classmethod
    def of(cls, config: ExperimentConfig, seed: int) -> Self:
        """The stage of this seed."""
        return cls(config, seed, load(config.scenario, [{**config.scenario_overrides, "weeks": config.weeks}]))

    def open(self) -> tuple[CohortEnv, Observation]:
        """What `cohort` answers."""
        env = cohort_for(self.world, self.config.users, seed=self.seed, keep_burn_in=True)
        return env, observe(*env.reset(seed=self.seed))


def live(env: CohortEnv, arm: NDArray[np.int64]) -> Observation:
    """Live one week under these arms (n,); what is observed afterwards."""
    obs, _, _, _, info = env.step(arm)
    return observe(obs, info)
