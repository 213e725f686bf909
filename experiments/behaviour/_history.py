"""Weeks of a bank's customers side by side: what behavioural features are computed from, read from kept weekly logs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rage_env.errors import LogError
from rage_env.interface import Observation
from rage_env.log import WeekLog

__all__ = ["LEAST_WEEKS", "Behaviour", "Floats", "History", "history_of"]

Floats = NDArray[np.float64]

LEAST_WEEKS = 8
"""Weeks that a history must hold: two paydays, two bills, two payments."""

_SEEN = (
    "salary_usd", "salary_delay_days", "savings_usd", "discretionary_share", "atm_withdrawals", "atm_usd",
    "gambling_usd", "lending_transfers", "utility_days_late", "failed_debits", "months_late", "due_in_weeks",
    "in_default", "log_debt",
)  # fmt: skip
_BOOKED = {"spend_usd": "gmv", "transactions": "transactions", "active": "active", "late": "late"}


@dataclass(frozen=True, eq=False)
class History:
    """t weeks of n customers, oldest first; `week` is the coming one. A customer's weeks before joining are 0."""

    week: int
    user_id: NDArray[np.int64]  # (n,)
    present: NDArray[np.bool_]  # (n,) still a customer
    known: NDArray[np.bool_]  # (t, n) a customer in that week
    series: Mapping[str, Floats]  # (t, n) each

    @property
    def weeks(self) -> int:
        """Weeks that are known."""
        return len(self.known)

    def all(self, name: str) -> Floats:
        """(t, n) every week of a series."""
        return self.series[name]

    def last(self, name: str, weeks: int) -> Floats:
        """(weeks, n) its latest weeks."""
        return self.series[name][-weeks:]

    def before(self, name: str, weeks: int) -> Floats:
        """(weeks, n) as many weeks just before the latest ones."""
        return self.series[name][-2 * weeks : -weeks]


class Behaviour(NamedTuple):
    """One behavioural feature. read: of a history, (n,)."""

    name: str
    unit: str
    meaning: str
    read: Callable[[History], Floats]


def history_of(logs: Sequence[WeekLog], seen: Observation, feature_names: Sequence[str]) -> History:
    """The weeks of these logs up to what is observed now.

    logs: consecutive weeks of one cohort, the last one just before `seen`. feature_names: of its features, (d,). What a
    week brought is observed at the start of the next; what was someone else's in the same slot is left out. Raises
    LogError for too few weeks, a gap, or a world without a bank's signals.
    """
    _check(logs, seen, feature_names)
    after = [*(log.features for log in logs[1:]), seen.features]
    who = [*(log.user_id for log in logs[1:]), seen.user_id]
    mine = np.array([log.present & (ids == seen.user_id) & (log.user_id == seen.user_id)
                     for log, ids in zip(logs, who, strict=True)])  # fmt: skip
    series = {n: np.array([f[:, feature_names.index(n)] for f in after], np.float64) * mine for n in _SEEN}
    series |= {n: np.array([log.columns[c] for log in logs], np.float64) * mine for n, c in _BOOKED.items()}
    return History(seen.week, seen.user_id, seen.present, mine, series)


def _check(logs: Sequence[WeekLog], seen: Observation, feature_names: Sequence[str]) -> None:
    if len(logs) < LEAST_WEEKS:
        raise LogError(
            f"behaviour: needs at least {LEAST_WEEKS} weeks of history, got {len(logs)}. Keep the burn-in weeks "
            "(keep_burn_in) or let more weeks be lived first."
        )
    for expected, log in enumerate(logs, start=seen.week - len(logs)):
        if log.week != expected:
            raise LogError(
                f"behaviour: weeks must follow each other up to week {seen.week - 1}; where week {expected} belongs "
                f"stands week {log.week}. Hand over every week once, in order."
            )
    lacking = [name for name in _SEEN if name not in feature_names]
    if lacking:
        raise LogError(
            f"behaviour: this world shows no {', '.join(lacking)}; behavioural features need the mechanisms "
            "bank_account and delinquency, as in the scenario pre_delinquency."
        )
