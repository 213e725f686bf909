"""The closed cohort: one running total a unit, and the contrast of user means that KPI monitors test.

The unit of analysis is the user (or the account), never the user-week: weeks of one user hang together, and
every method we tried on user-weeks gave several times its nominal rate of false alarms.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from experiments.monitors.accounts import one_row_a_unit
from experiments.monitors.batch import Batch
from experiments.monitors.contrast import Comparison, Contrast, compared, contrast, linearised, too_skewed
from experiments.monitors.declared import KPI, Declared, Mode, Outcome
from experiments.monitors.enrolment import check_covariate, check_groups, check_one_row, check_unchanged, rows_of
from experiments.monitors.standing import Shared, Standing
from rage_env.errors import ConfigError, LogError

__all__ = ["KPI", "ClosedCohort", "Mode", "Outcome"]

Floats = NDArray[np.float64]
_TOTALS = ("unit", "treated", "total", "size", "rows", "covariate", "first_week", "weeks", "_standing")


@dataclass(eq=False)
class ClosedCohort(Declared):
    """Totals of the units assigned in the first week, the same rows in every week, the departed at 0.

    What is compared was declared before; see `Declared`.
    """

    unit: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))  # (n,)
    treated: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))  # (n,)
    total: Floats = field(default_factory=lambda: np.empty(0))  # (n,)
    size: Floats = field(default_factory=lambda: np.empty(0))  # (n,) denominators so far
    rows: Floats = field(default_factory=lambda: np.empty(0))  # (n,) rows a week
    covariate: Floats | None = None  # (n,)
    first_week: int = 0
    weeks: int = 0

    def __setattr__(self, name: str, value: object) -> None:
        if name == "cap" and getattr(self, "weeks", 0) > 0:
            raise ConfigError(
                f"cap: {value!r} was declared after week {self.first_week + self.weeks - 1} had been seen; a cap "
                "chosen by the data it cuts biases the test: declare it before the first batch, from burn-in weeks"
            )
        super().__setattr__(name, value)

    @property
    def arms(self) -> NDArray[np.bool_] | None:
        """(n,) True for treated units; None where each unit is its own control."""
        return None if self.mode == "paired" else self.treated

    @property
    def who(self) -> Comparison:
        """Who is compared with whom, made once."""
        if self._standing.who is None or self._standing.who.n != len(self.unit):
            self._standing.who = compared(len(self.unit), self.arms, self.covariate if self.adjust else None)
        return self._standing.who

    _standing: Standing = field(default_factory=Standing, repr=False)

    def add(self, batch: Batch) -> None:
        """Take in one week. Raises LogError naming unit and row; the totals are then as before.

        Cohorts that were told the same and fed the same batches share their totals: the first one works them out.
        """
        key = (self.told, id(self._standing) if self.weeks else None)
        known = batch.sums.get(key)
        if isinstance(known, Shared):
            for name, total in known.totals.items():
                setattr(self, name, total)
            return
        before = self._standing
        self._add(batch)
        self._standing = Standing(who=before.who if self.weeks > 1 else None)
        batch.sums[key] = Shared(before, {name: getattr(self, name) for name in _TOTALS})

    def _add(self, batch: Batch) -> None:
        mine = batch if self.mode == "paired" else check_groups(batch, self.treatment, self.control)
        if self.outcome == "ratio":
            mine.require("denominator", "outcome ratio needs what values are a share of")
        rows = np.ones(mine.n)
        if self.rows_per_unit > 1:
            mine, rows = one_row_a_unit(mine, self.rows_per_unit)
        if self.weeks == 0:
            self._enrol(mine, rows)
        else:
            self._go_on(mine, rows)

    def read(self) -> Floats:
        """(n,) capped totals per enrolled week; with sizes below them, (2, n), where the outcome is a ratio."""
        if self._standing.read is None:
            self._standing.read = self._read()
        return self._standing.read

    def compare(self, read: Floats) -> tuple[Floats, Contrast]:
        """(n,) outcomes and their contrast, of what was read now or earlier."""
        if read is not self._standing.read:
            x = self.values(read)
            return x, contrast(x, self.who)
        if self._standing.x is None or self._standing.now is None:
            self._standing.x = self.values(read)
            self._standing.now = contrast(self._standing.x, self.who)
        return self._standing.x, self._standing.now

    def too_skewed(self, read: Floats, users_per_skew2: float) -> str:
        """Why the outcomes' mean is not yet normal enough; empty where it is."""
        known = self._standing.skewed if read is self._standing.read else {}
        if users_per_skew2 not in known:
            known[users_per_skew2] = too_skewed(self.who.fit(self.compare(read)[0])[1], self.arms, users_per_skew2)
        return known[users_per_skew2]

    def _read(self) -> Floats:
        mean = self.total / self.weeks
        if self.cap is not None:
            most = self.cap if self.rows_per_unit == 1 else self.cap * self.rows
            mean = np.clip(mean, -most, most)
        if self.outcome == "ratio":
            return np.stack([mean, self.size / self.weeks])
        return mean if self.rows_per_unit == 1 else np.stack([mean, self.rows])

    def values(self, read: Floats) -> Floats:
        """(n,) the outcome of each unit from what was read: itself, or a ratio's linear part."""
        return read if read.ndim == 1 else linearised(read[0], read[1], self.arms)

    def merged(self, other: ClosedCohort) -> ClosedCohort:
        """Both shards as one cohort. Raises LogError where they share a unit or were told different things."""
        shared = np.intersect1d(self.unit, other.unit)
        if len(shared):
            raise LogError(f"unit {shared[0]} is in both shards; every unit belongs to one shard")
        if self.told != other.told:
            raise LogError(f"shards were told {self.told} and {other.told}; merge shards of one declaration")
        both = ClosedCohort(*self.told)
        for name in ("unit", "treated", "total", "size", "rows"):
            setattr(both, name, np.concatenate([getattr(self, name), getattr(other, name)]))
        if self.covariate is not None and other.covariate is not None:
            both.covariate = np.concatenate([self.covariate, other.covariate])
        both.first_week, both.weeks = self.first_week, self.weeks
        return both

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """State as plain arrays."""
        clock = np.array([self.first_week, self.weeks], np.int64)
        cap = np.array([] if self.cap is None else [self.cap], np.float64)
        covariate = {} if self.covariate is None else {"covariate": self.covariate}
        kept = {name: getattr(self, name) for name in ("unit", "treated", "total", "size", "rows")}
        return {**kept, "clock": clock, "cap": cap, **covariate}

    def restore(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Inverse of arrays. Raises ConfigError where a cap was declared since."""
        cap = arrays["cap"].astype(np.float64).tolist()
        told = cap[0] if cap else None
        first_week, weeks = (int(x) for x in arrays["clock"].tolist())
        if weeks and told != self.cap:
            raise ConfigError(
                f"cap: {self.cap!r} is declared for data seen since week {first_week} under {told!r}; "
                "a cap is declared before the data and kept"
            )
        self.unit, self.treated = arrays["unit"].astype(np.int64), arrays["treated"].astype(np.bool_)
        for name in ("total", "size", "rows"):
            setattr(self, name, arrays[name].astype(np.float64))
        self.covariate = arrays["covariate"].astype(np.float64) if "covariate" in arrays else None
        self.first_week, self.weeks, self._standing = first_week, weeks, Standing()

    def _enrol(self, batch: Batch, rows: Floats) -> None:
        check_one_row(batch)
        if self.adjust:
            check_covariate(batch, None)
        self.unit, self.treated = batch.unit.copy(), batch.groups() == self.treatment
        self.total, self.rows, self.size = batch.value.copy(), rows, _sizes(batch, rows)
        self.covariate = None if batch.covariate is None else batch.covariate.copy()
        self.first_week, self.weeks = batch.week, 1

    def _go_on(self, batch: Batch, rows: Floats) -> None:
        expected = self.first_week + self.weeks
        if batch.week != expected:
            raise LogError(
                f"week {batch.week} was fed where week {expected} comes next; a closed cohort has one batch a week, "
                "departed units at 0 (shards of one week go into monitors of their own, to be merged)"
            )
        at = rows_of(batch, self.unit)
        treated = self.treated if self.mode == "groups" else None
        check_unchanged(batch, self.unit, (batch.groups()[at] == self.treatment, treated), (rows[at], self.rows))
        if self.adjust and batch.covariate is not None:
            before = np.empty(batch.n)
            before[at] = self.covariate
            check_covariate(batch, before)
        self.total = self.total + batch.value[at]
        self.size = self.size + _sizes(batch, rows)[at]
        self.weeks += 1


def _sizes(batch: Batch, rows: Floats) -> Floats:
    return rows if batch.denominator is None else batch.denominator
