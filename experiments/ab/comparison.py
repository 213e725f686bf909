"""What KPI monitors compare: completed value of the units of a group and of the control, since their assignment."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from experiments.completed import immediate_value
from experiments.logged_watch import counted
from experiments.monitors import Batch
from rage_env.log import Reports, WeekLog

__all__ = ["Comparison", "before_exposure"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Comparison:
    """Batches of one group (1) against the control (0), all units assigned, served or not, one row a unit.

    Of an account the sum over its users counts, in units of the mean account, so that estimates stay usd per
    user-week. The covariate is what the unit brought a week in burn-in.
    """

    def __init__(self, unit: Ints, group: Ints, control: Ints, before: Floats, age_weeks: int = 0) -> None:
        """unit: (n,) of the cohort; group, control: rows; before: (n,) mean value a week in burn-in.

        age_weeks: from which weeks count in what is compared.
        """
        self.age_weeks = age_weeks
        self.rows = np.concatenate([control, group])
        self.unit, first, self._at = np.unique(unit[self.rows], return_index=True, return_inverse=True)
        self.code = np.where(first < len(control), 0, 1)
        self._scale = len(self.unit) / len(self.rows)
        self.covariate = self._by_unit(before)

    def batch(self, week: int, value: Floats) -> Batch:
        """The week's rows. value: (n,) of the cohort."""
        known = self._by_unit(value)
        return Batch(week, self.unit, self.code, known, covariate=self.covariate, age_weeks=self.age_weeks)

    def events(self, column: str, log: WeekLog, reports: Reports) -> Batch:
        """Which units had an event of this kind in the week, late ones when reported. log, reports: of the cohort."""
        count = counted(column, log, reports)
        any_of = np.bincount(self._at, count[self.rows] > 0, minlength=len(self.unit)) > 0
        return Batch(log.week, self.unit, self.code, any_of.astype(np.float64))

    def _by_unit(self, value: Floats) -> Floats:
        total = np.bincount(self._at, value[self.rows], minlength=len(self.unit))
        return np.asarray(total * self._scale, np.float64)


def before_exposure(logs: Sequence[WeekLog], n: int, retention_value_usd: float) -> Floats:
    """(n,) mean value a week over burn-in, losses that are reported late left out; 0 without burn-in."""
    weeks = [immediate_value(log.columns, retention_value_usd) for log in logs]
    return np.mean(weeks, axis=0) if weeks else np.zeros(n)
