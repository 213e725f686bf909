"""Monitors inside a run that read what was logged beside value and limits: arms and their chances, events, features."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from experiments.completed import Completed
from experiments.config import MonitorEntry
from experiments.marks import detectable, mark_of_value
from experiments.metrics import Mean
from experiments.monitors import Batch, Monitor
from experiments.watch import Aim, Lived, Watch
from rage_env.interface import NO_OFFER
from rage_env.log import Reports, WeekLog
from rage_env.outcomes import DELAYED

__all__ = ["ArmEffectWatch", "ArmsWatch", "EventsWatch", "FeatureWatch", "counted"]

Floats = NDArray[np.float64]
_CLEARLY = 1.5
"""Ratio of true rates from which an alarm that stayed silent has missed something."""


class ArmsWatch(Watch):
    """Feeds arms drawn and the probabilities logged for them. The runner logs what it draws from: alarms are wrong."""

    @property
    def aim(self) -> Aim:
        """The log itself is on trial."""
        return "log"

    def _see(self, lived: Lived) -> None:
        log = lived.log
        rows = _decisions(log, log.present)
        if log.probs is not None and len(rows):
            batch = Batch(
                log.week, log.unit[rows], log.arm[rows], np.zeros(len(rows)), probs=log.probs[rows].astype(np.float64)
            )
            self.states.append(self.monitor.update(batch))

    def own_mark(self) -> str:
        """By what is known of the runner."""
        return "rightly silent" if self.stop is None else "wrong"


class ArmEffectWatch(Watch):
    """Feeds completed value of the rows in which both arms were possible, a week at a time, at the age needed."""

    def __init__(self, entry: MonitorEntry, monitor: Monitor, completed: Completed, cap_usd: float) -> None:
        """cap_usd: most that the value of a unit's week may count, fixed before the data."""
        super().__init__(entry, monitor)
        self.completed, self.cap_usd = completed, cap_usd
        self.arms = [int(str(getattr(monitor, name))) for name in ("treatment", "control")]
        self._waiting: list[Lived] = []
        self._reports = Reports.empty()
        self._effects: list[Floats] = []  # of each week fed, true mean effect by row

    @property
    def youngest(self) -> int:
        """Age from which weeks count."""
        return self.completed.wait_weeks

    def _see(self, lived: Lived) -> None:
        self._waiting.append(lived)
        self._reports = Reports.concat([self._reports, lived.reports])
        if len(self._waiting) > self.youngest:
            self._feed(self._waiting.pop(0), lived.log.week)

    def _feed(self, lived: Lived, now: int) -> None:
        log, age = lived.log, self.youngest
        assert log.probs is not None
        rows = _decisions(log, log.present & (log.probs[:, self.arms] > 0).all(axis=1))
        if not len(rows):
            return
        value = self.completed.of_week(log.week, log.columns, self._reports, age)
        batch = Batch(
            now,
            log.unit[rows],
            log.arm[rows],
            np.clip(_of_units(log, rows, value), -self.cap_usd, self.cap_usd),
            propensity=log.propensity[rows].astype(np.float64),
            probs=log.probs[rows].astype(np.float64),
            age_weeks=age,
        )
        treatment, control = (lived.truth.value[:, arm] for arm in self.arms)
        self._effects.append(_of_units(log, rows, treatment - control))
        self.states.append(self.monitor.update(batch))

    def own_mark(self) -> str:
        """By conditional mean effects over the rows fed up to the call."""
        call = self.stop
        fed = len(self.states) if call is None else 1 + self.states.index(call)
        effects = np.concatenate(self._effects[:fed])
        state = call or self.states[-1]
        effect = detectable(state, float(getattr(self.monitor, "alpha", 0.05)))
        return mark_of_value(state.verdict, Mean(float(effects.mean()), 0.0), effect)


class EventsWatch(Watch):
    """Feeds who had an event in the week: of the agent's own users, or beside those of the control."""

    def __init__(self, entry: MonitorEntry, monitor: Monitor, *, beside_control: bool) -> None:
        super().__init__(entry, monitor)
        self.beside_control = beside_control
        self._means: list[tuple[float, float, int]] = []  # expected events as drawn, left alone, and rows at risk

    @property
    def aim(self) -> Aim:
        """Harm alarms."""
        return "alarm"

    def _see(self, lived: Lived) -> None:
        log, column = lived.log, self.entry.metric
        if self.beside_control:
            assert lived.events is not None
            batch = lived.events(column)
        else:
            rows = np.flatnonzero(log.present)
            if not len(rows):
                return
            had = counted(column, log, lived.reports)[rows] > 0
            batch = Batch(log.week, log.user_id[rows], 0, had.astype(np.float64))
        chance = np.minimum(lived.truth.means[column], 1.0)
        drawn = float(chance[np.arange(log.n), log.arm].sum())
        self._means.append((drawn, float(chance[:, NO_OFFER].sum()), int(log.present.sum())))
        self.states.append(self.monitor.update(batch))

    def own_mark(self) -> str:
        """By expected events of the group, arms as drawn: against its users left alone, or against the limit."""
        upto = len(self._means) if self.stop is None else 1 + self.states.index(self.stop)
        drawn, alone, rows = (sum(column) for column in zip(*self._means[:upto], strict=True))
        limit = float(str(getattr(self.monitor, "limit", 0.0)))
        allowed = alone * float(getattr(self.monitor, "margin", 1.0)) if self.beside_control else limit * rows
        if self.stop is not None:
            return "right" if drawn > allowed else "wrong"
        if drawn <= allowed:
            return "rightly silent"
        return "missed" if drawn > _CLEARLY * allowed else "too close to mark"


class FeatureWatch(Watch):
    """Feeds one feature of the users present. Whether it truly drifts is nowhere written: calls are unmarked."""

    def __init__(self, entry: MonitorEntry, monitor: Monitor, column: int) -> None:
        super().__init__(entry, monitor)
        self.column = column

    @property
    def aim(self) -> Aim:
        """Inputs of the agent."""
        return "log"

    def _see(self, lived: Lived) -> None:
        log = lived.log
        rows = np.flatnonzero(log.present)
        if len(rows):
            batch = Batch(log.week, log.user_id[rows], 0, log.features[rows, self.column])
            self.states.append(self.monitor.update(batch))

    def own_mark(self) -> str:
        """None."""
        return "no call"


def counted(column: str, log: WeekLog, reports: Reports) -> Floats:
    """(n,) events of the week; of late columns those reported in it, of the run's own weeks."""
    if column not in DELAYED:
        return log.columns[column].astype(np.float64)
    mine = reports.amounts(column).where(reports.amounts(column).accrual_week >= 0)
    order = np.argsort(log.user_id, kind="stable")
    rows = order[np.searchsorted(log.user_id[order], mine.user_id)]
    return np.bincount(rows, mine.amount, minlength=log.n).astype(np.float64)


def _decisions(log: WeekLog, keep: NDArray[np.bool_]) -> NDArray[np.int64]:
    """One row of every unit that has rows to keep: those of a unit share their decision and its draw."""
    rows = np.flatnonzero(keep)
    return rows[np.unique(log.unit[rows], return_index=True)[1]]


def _of_units(log: WeekLog, rows: NDArray[np.int64], value: Floats) -> Floats:
    """(m,) value summed over all users of the units that these rows stand for."""
    units, place = np.unique(log.unit, return_inverse=True)
    total = np.bincount(place, value, minlength=len(units))
    return np.asarray(total[place[rows]], np.float64)
