"""A week as one group's agent meets it: its own users, of whom those not served count as not there.

Whoever a roll-out has not reached yet, or whose group was stopped, is masked to arm 0, brings nothing to guardrails
and is not learned from; agents keep a fixed number of rows all the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from experiments.week_truth import WeekTruth, judged_by
from rage_env.guardrails import Guardrail
from rage_env.interface import NO_OFFER, Observation
from rage_env.log import Reports, WeekLog
from rage_env.standing import Standing

__all__ = ["log_of", "masked", "observed_by", "reports_of", "truth_of"]

Ints = NDArray[np.int64]
Served = NDArray[np.bool_]
Number = TypeVar("Number", bound=np.generic)


def observed_by(observation: Observation, rows: Ints, served: Served, standing: Standing) -> Observation:
    """What is observed of the group's users (m,); sums to date are the group's own. served: (m,)."""
    away = ~served
    mask, status_quo = observation.action_mask[rows], observation.status_quo[rows]
    for table in (mask, status_quo):
        table[away] = 0
        table[away, NO_OFFER] = 1
    return Observation(
        week=observation.week,
        user_id=observation.user_id[rows],
        unit=observation.unit[rows],
        features=observation.features[rows],
        action_mask=mask,
        is_new=observation.is_new[rows],
        present=observation.present[rows] & served,
        segments={name: codes[rows] for name, codes in observation.segments.items()},
        status_quo=status_quo,
        numerator_to_date=standing.numerator.copy(),
        denominator_to_date=standing.denominator.copy(),
        denominator_last_week=standing.last_denominator.copy(),
    )


def truth_of(
    means: Mapping[str, NDArray[np.float64]],
    observation: Observation,
    rows: Ints,
    guardrails: Sequence[Guardrail],
    retention_value_usd: float,
) -> WeekTruth:
    """The truth of the group's week: value of all its users, guardrails over those served.

    means: {column: (n, k)} of the whole cohort; observation: the group's own.
    """
    mine = {column: mean[rows] for column, mean in means.items()}
    whole = judged_by(mine, observation, (), retention_value_usd)
    counted = {c: m * observation.present[:, None] for c, m in mine.items()}
    served = judged_by(counted, observation, guardrails, retention_value_usd)
    return WeekTruth(observation, served.means, whole.value, served.rows)


def log_of(log: WeekLog, rows: Ints, served: Served) -> WeekLog:
    """The group's rows of a week; those of users who are not served hold no outcomes and count as not present."""
    columns = log.columns
    return WeekLog(
        week=log.week,
        user_id=log.user_id[rows],
        unit=log.unit[rows],
        present=log.present[rows] & served,
        arm=log.arm[rows],
        propensity=log.propensity[rows],
        features=log.features[rows],
        columns=masked({c: v[rows] for c, v in columns.items()}, served),
        probs=None if log.probs is None else log.probs[rows],
    )


def masked(columns: Mapping[str, NDArray[np.float32]], served: Served) -> dict[str, NDArray[np.float32]]:
    """Columns (m,) with 0 where nobody is served."""
    return {c: np.where(served, v, np.float32(0)) for c, v in columns.items()}


def reports_of(reports: Reports, user_id: Ints, served: Sequence[Served]) -> Reports:
    """What was reported of the group's users, of weeks in which they were served, and of burn-in.

    user_id: (m,) rising; served: (m,) of each week so far.
    """
    at = np.minimum(np.searchsorted(user_id, reports.user_id), len(user_id) - 1)
    keep = user_id[at] == reports.user_id
    if served:
        by_week = np.stack([np.ones_like(served[0]), *served])
        keep &= by_week[np.maximum(reports.accrual_week + 1, 0), at]
    return reports.where(keep)
