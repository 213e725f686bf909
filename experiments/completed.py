"""Value as it may be judged before all losses are in: old enough weeks, with what is still out made up for.

Revenue shows at once and losses months later, so value as booked takes whoever lends to everybody for a gain. The delay
law is known and depends on age alone: an amount known by age a with chance share(a) counts amount / share(a), whose
mean is the whole (Horvitz & Thompson 1952). Weeks too young to be known in part worth having wait (decision 0014).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import numpy as np
from numpy.typing import NDArray

from rage_env.cohort import CohortEnv
from rage_env.log import Reports
from rage_env.outcomes import DELAYED, value

__all__ = ["LEAST_KNOWN", "Completed", "immediate_value"]

Floats = NDArray[np.float64]
Columns = Mapping[str, NDArray[np.floating]]

LEAST_KNOWN = 0.25
"""Share of its losses that must be known of a week before it counts: no loss then counts more than four times."""

_LOSSES = tuple(DELAYED.index(c) for c in ("loss_fraud", "loss_credit"))


class Completed:
    """Remembers values of weeks that wait and every loss reported, and gives the weekly change of completed totals.

    shares: (c, ages) what of each late loss is known by age, never falling. wait_weeks: age from which weeks count.
    """

    def __init__(self, user_id: NDArray[np.int64], retention_value_usd: float, shares: Floats) -> None:
        self.retention_value_usd, self.shares = retention_value_usd, shares
        self.wait_weeks = int(np.argmax((shares >= LEAST_KNOWN).all(axis=0)))
        self._order = np.argsort(user_id, kind="stable")
        self._sorted = user_id[self._order]
        self._waiting: list[Floats] = []  # (n,) immediate value of the weeks too young to count
        self._shown = np.zeros(len(user_id))  # immediate value of the weeks that count, to date
        self._known = Reports.empty()
        self._total = np.zeros(len(user_id))

    @classmethod
    def of(cls, env: CohortEnv, user_id: NDArray[np.int64]) -> Self:
        """For the users of a world just opened; where no arm can lose anything there is nothing to wait for."""
        laws = [env.laws[DELAYED[code]].reported_share for code in _LOSSES]
        ages = max(map(len, laws))
        shares = np.stack([np.pad(law, (0, ages - len(law)), constant_values=1.0) for law in laws])
        if not any(arm.max_loss_usd > 0 for arm in env.scenario.specs):
            shares = np.ones((len(_LOSSES), 1))
        return cls(user_id, env.scenario.retention_value_usd, shares)

    def week(self, week: int, columns: Columns, reports: Reports) -> Floats:
        """(n,) by how much each user's total moves as this week ends; 0 before `wait_weeks`. Weeks come in order.

        columns: {column: (n,)} of the week as it shows at once; reports: that came in it.
        """
        self._waiting.append(immediate_value(columns, self.retention_value_usd))
        if len(self._waiting) > self.wait_weeks:
            self._shown = self._shown + self._waiting.pop(0)
        late = reports.where((reports.accrual_week >= 0) & np.isin(reports.column, _LOSSES))
        self._known = Reports.concat([self._known, late])
        total = self._shown - self._losses(week)
        moved, self._total = total - self._total, total
        return moved

    def of_week(self, week: int, columns: Columns, reports: Reports, age: int) -> Floats:
        """(n,) completed value of one week alone at this age. columns: of that week; reports: all up to that age."""
        mine = reports.where((reports.accrual_week == week) & np.isin(reports.column, _LOSSES))
        return immediate_value(columns, self.retention_value_usd) - self._whole(mine, week + age)

    def _losses(self, week: int) -> Floats:
        """(n,) late losses of the weeks that count, each over the share of its kind known at its age by now."""
        return self._whole(self._known.where(self._known.accrual_week <= week - self.wait_weeks), week)

    def _whole(self, of: Reports, week: int) -> Floats:
        """(n,) reported amounts, each over the share of its kind known at its age in this week."""
        kind = np.searchsorted(_LOSSES, of.column)
        known = self.shares[kind, np.minimum(week - of.accrual_week, self.shares.shape[1] - 1)]
        rows = self._order[np.searchsorted(self._sorted, of.user_id)]
        return np.bincount(rows, of.amount / known, minlength=len(self._sorted)).astype(np.float64)


def immediate_value(columns: Columns, retention_value_usd: float) -> Floats:
    """(n,) value of a week without the losses that are reported late."""
    books = {c: v.astype(np.float64) for c, v in columns.items()}
    books |= {DELAYED[code]: np.zeros(len(books["churned"])) for code in _LOSSES}
    return np.asarray(value(books, retention_value_usd), np.float64)
