"""Reports that come too early, never, or when the event itself says so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rage_env.booked import Booked
from rage_env.cohort import CohortEnv
from rage_env.log import Reports
from rage_env.outcomes import DELAYED
from rage_env.pending import Pending

__all__ = ["LabelEarly", "LabelLost", "MaturityDependsOnEvent"]

_LARGE = 50.0  # usd or counts


class LabelEarly(CohortEnv):
    """Fraud is reported a week before it is due."""

    def _report(self, week: int) -> None:
        early = self._pending.pop(week + 1)
        is_fraud = early.column == DELAYED.index("loss_fraud")
        self._pending.add(early.where(~is_fraud))
        moved = early.where(is_fraud)
        due = np.full(len(moved), week, np.int32)
        kept = self._pending.pop(week)
        self._pending.add(kept)
        if len(moved):
            self._pending.add(Reports(moved.user_id, moved.accrual_week, due, moved.column, moved.amount))
        super()._report(week)


class LabelLost(CohortEnv):
    """Losses of users who have left are never reported."""

    def _report(self, week: int) -> None:
        due = self._pending.pop(week)
        slot = self._slots(due.user_id)
        self._pending.add(due.where(self.lives.alive[slot]))
        super()._report(week)


class MaturityDependsOnEvent(CohortEnv):
    """Large amounts become known in half the time."""

    def _live(self, arm: NDArray[np.intp], week: int, *, may_leave: bool) -> Booked:
        ledger = super()._live(arm, week, may_leave=may_leave)
        every = self._pending.rest()
        usual = every.reported_week
        large = (every.accrual_week == week) & (every.amount > _LARGE)
        sooner = week + np.maximum((usual - week) // 2, 1)
        self._pending = Pending()
        self._pending.add(replace(every, reported_week=np.where(large, sooner, usual).astype(np.int32)))
        return ledger
