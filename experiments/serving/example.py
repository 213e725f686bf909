"""Users as a request has them: what an agent observes, written as the table that would be sent."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.serving.frozen import Frozen
from experiments.serving.request import ALLOWED, PRESENT, SEGMENT_PREFIX, STATUS_QUO_PREFIX, UNIT, required
from rage_env.interface import Observation
from rage_env.log_tables import FEATURE_PREFIX

__all__ = ["rows_of"]


def rows_of(policy: Frozen, observation: Observation, rows: NDArray[np.intp] | None = None) -> pd.DataFrame:
    """The request that asks about these users, or about some `rows` of them; `unit` and `present` where they say more.

    float32 features become the shortest decimals that read back as the same float32.
    """
    at = np.arange(observation.n) if rows is None else rows
    found: dict[str, object] = {"user_id": observation.user_id[at]}
    for j, name in enumerate(policy.problem.feature_names):
        found[FEATURE_PREFIX + name] = _short(observation.features[at, j])
    arms = np.asarray(policy.arms, dtype=object)
    found[ALLOWED] = [" ".join(arms[1:][mask[1:] == 1]) for mask in observation.action_mask[at]]
    found |= {SEGMENT_PREFIX + name: observation.segments[name][at] for name in policy.segments}
    if policy.asks_status_quo:
        found |= {STATUS_QUO_PREFIX + a: _short(observation.status_quo[at, j]) for j, a in enumerate(policy.arms)}
    if (observation.unit != observation.user_id).any():
        found[UNIT] = observation.unit[at]
    if not observation.present[at].all():
        found[PRESENT] = observation.present[at].astype(np.int64)
    return pd.DataFrame(found)[[*required(policy), *(c for c in (UNIT, PRESENT) if c in found)]]


def _short(values: NDArray[np.float32]) -> list[float]:
    return [float(str(v)) for v in np.asarray(values, dtype=np.float32)]
