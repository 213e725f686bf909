"""Rows of a log with what came of them: late within four weeks, or fraud that was reported by now.

A label needs its whole window, and for losses that are known late the time until nearly all of them have been told:
younger weeks are left out, since their silence means nothing yet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rage_env.errors import LogError
from rage_env.log import CohortLog, WeekLog
from rage_env.outcomes import DELAYED

__all__ = ["Cases", "fraud_cases", "late_cases"]

FRAUD_SIGNS = ("loss_fraud", "fraud_reports", "disputes", "chargebacks")


@dataclass(frozen=True, eq=False)
class Cases:
    """User-weeks and whether the event followed. Arrays share their first axis."""

    features: NDArray[np.float32]  # (rows, d) as seen before the window
    event: NDArray[np.bool_]  # (rows,)
    user_id: NDArray[np.int64]  # (rows,)
    week: NDArray[np.int64]  # (rows,) the window's first


def late_cases(weeks: Sequence[WeekLog], window_weeks: int = 4, column: str = "late") -> Cases:
    """Present users of every week whose window lies inside the log; the event: `column` above 0 in that window.

    Raises LogError where no week has its whole window.
    """
    by_week = {w.week: w for w in weeks}
    starts = [w for w in sorted(by_week) if all(w + j in by_week for j in range(window_weeks))]
    if not starts:
        raise LogError(f"labels: no week is followed by {window_weeks - 1} more; give a longer log")
    found = []
    for start in starts:
        hits = [by_week[start + j] for j in range(window_weeks)]
        users = np.concatenate([w.user_id[(w.columns[column] > 0) & w.present] for w in hits])
        found.append(_rows(by_week[start], users))
    return _joined(found)


def fraud_cases(
    log: CohortLog,
    reported_share: Mapping[str, NDArray[np.float64]],
    *,
    as_of: int,
    window_weeks: int = 4,
    least_share: float = 0.9,
) -> Cases:
    """Present users of every week old enough; the event: any sign of fraud in its window, reported by `as_of`.

    reported_share: the problem's. least_share: of the events of the window's last week that must have been told.
    Raises LogError where no week is old enough.
    """
    ages = [_age_of(np.asarray(reported_share.get(c, np.ones(1)), np.float64), least_share) for c in FRAUD_SIGNS]
    newest = as_of - max(ages) - window_weeks + 1
    used = [w for w in log.weeks if w.week <= newest]
    if not used:
        raise LogError(
            f"labels: by week {as_of} no week of the log has {least_share:.0%} of its fraud reported within its window "
            f"of {window_weeks}; the newest that could is {newest}. Give a longer log or a smaller least_share"
        )
    signs = [DELAYED.index(c) for c in FRAUD_SIGNS]
    known = log.reports.where((log.reports.reported_week <= as_of) & np.isin(log.reports.column, signs))
    found = []
    for week in used:
        inside = (known.accrual_week >= week.week) & (known.accrual_week < week.week + window_weeks)
        found.append(_rows(week, known.user_id[inside]))
    return _joined(found)


def _age_of(share: NDArray[np.float64], least: float) -> int:
    """Weeks until a share of at least `least` is reported; all of it is beyond the end of the law."""
    enough = np.append(share, 1.0) >= least
    return int(np.argmax(enough))


def _rows(week: WeekLog, users: NDArray[np.int64]) -> Cases:
    here = np.flatnonzero(week.present)
    ids = week.user_id[here]
    return Cases(week.features[here], np.isin(ids, users), ids, np.full(len(here), week.week, np.int64))


def _joined(parts: Sequence[Cases]) -> Cases:
    return Cases(
        np.concatenate([p.features for p in parts]),
        np.concatenate([p.event for p in parts]),
        np.concatenate([p.user_id for p in parts]),
        np.concatenate([p.week for p in parts]),
    )
