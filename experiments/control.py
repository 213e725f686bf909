"""The same lives left alone: what every agent's users would have brought, by seed, under the very same luck."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from experiments.cohorts import cohort, live
from experiments.config import ExperimentConfig
from experiments.metrics import UserTotals
from rage_env.log import Reports
from rage_env.outcomes import DELAYED, value

__all__ = ["Control", "as_known", "left_alone"]

Floats = NDArray[np.float64]
_LOSSES = ("loss_fraud", "loss_credit")


@dataclass(frozen=True, eq=False)
class Control:
    """Lives at arm 0. totals: settled, by user; known: value of each week as it was known by the week's end."""

    totals: UserTotals
    known: NDArray[np.float32]  # (weeks, n)


def left_alone(config: ExperimentConfig, seed: int) -> Control:
    """The control of one seed, lived again wherever it is needed: that is cheaper than to wait for another process."""
    return _left_alone(config.model_dump_json(), seed)


@lru_cache(maxsize=1)
def _left_alone(config_json: str, seed: int) -> Control:
    config = ExperimentConfig.model_validate_json(config_json)
    env, observation = cohort(config, seed)
    retention, nobody = env.scenario.retention_value_usd, np.zeros(observation.n, np.int64)
    totals, known = UserTotals(observation.n, retention), np.empty((config.weeks, observation.n), np.float32)
    user_id = observation.user_id
    for week in range(config.weeks):
        live(env, nobody)
        totals.add(env.truth.ledger())
        known[week] = as_known(env.columns(), env.reports(), user_id, retention)
    return Control(totals, known)


def as_known(
    columns: Mapping[str, NDArray[np.float32]], reports: Reports, user_id: NDArray[np.int64], retention_value_usd: float
) -> Floats:
    """(n,) value booked in a week: what shows at once, less the run's own losses that were reported in it."""
    books = {c: v.astype(np.float64) for c, v in columns.items()}
    order = np.argsort(user_id, kind="stable")
    for name in _LOSSES:
        mine = (reports.column == DELAYED.index(name)) & (reports.accrual_week >= 0)
        rows = order[np.searchsorted(user_id[order], reports.user_id[mine])]
        books[name] = np.bincount(rows, weights=reports.amount[mine], minlength=len(user_id)).astype(np.float64)
    return np.asarray(value(books, retention_value_usd), np.float64)
