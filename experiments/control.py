"""The same lives left alone: what every agent's users would have brought, by seed, under the very same luck."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from experiments.cohorts import cohort, live
from experiments.completed import Completed
from experiments.config import ExperimentConfig
from experiments.metrics import UserTotals

__all__ = ["Control", "left_alone"]


@dataclass(frozen=True, eq=False)
class Control:
    """Lives at arm 0. totals: settled, by user; completed: change of completed value, week by week."""

    totals: UserTotals
    completed: NDArray[np.float32]  # (weeks, n)


def left_alone(config: ExperimentConfig, seed: int) -> Control:
    """The control of one seed, lived again wherever it is needed: that is cheaper than to wait for another process."""
    return _left_alone(config.model_dump_json(), seed)


@lru_cache(maxsize=1)
def _left_alone(config_json: str, seed: int) -> Control:
    config = ExperimentConfig.model_validate_json(config_json)
    env, observation = cohort(config, seed)
    retention, nobody = env.scenario.retention_value_usd, np.zeros(observation.n, np.int64)
    totals, moved = UserTotals(observation.n, retention), np.empty((config.weeks, observation.n), np.float32)
    completed = Completed.of(env, observation.user_id)
    for week in range(config.weeks):
        live(env, nobody)
        totals.add(env.truth.ledger())
        moved[week] = completed.week(week, env.columns(), env.reports())
    return Control(totals, moved)
