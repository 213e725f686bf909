"""Monitors inside a run: fed week by week with what was known at the time, marked afterwards by what was true.

KPI monitors (metric `value`) see each user's paired difference to the same life left alone, once a week is old enough
to be judged, with losses still out made up for (see `completed`).
Monitors of guardrails are fed in `ratio_watch`, those of the log in `logged_watch`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.config import MonitorEntry
from experiments.metrics import Mean
from experiments.monitors import Batch, Monitor, MonitorState
from experiments.week_truth import WeekTruth
from rage_env.log import Reports, WeekLog

__all__ = ["Aim", "KpiWatch", "Lived", "Watch", "marked_gain"]

Floats = NDArray[np.float64]
Aim = Literal["value", "alarm", "certificate", "log"]
_STOPS = ("harm", "lift", "certified")


@dataclass(frozen=True, eq=False)
class Lived:
    """One week as monitors may see it, beside the truth that marks them."""

    truth: WeekTruth
    log: WeekLog
    reports: Reports  # of this week
    difference: Floats  # (n,) change of completed value this week, less that of the same life left alone
    compared: Batch | None = None  # mode ab: that of users of the group (1) and of the control (0)
    events: Callable[[str], Batch] | None = None  # mode ab: of a column, units of both sides with an event this week


class Watch:
    """One monitor in one run. Remembers its states; shows nothing more to it once `ended`.

    judged: how the verdict was marked, where that is worked out elsewhere.
    """

    def __init__(self, entry: MonitorEntry, monitor: Monitor) -> None:
        self.entry, self.monitor = entry, monitor
        self.states: list[MonitorState] = []
        self.ended = False
        self.judged: str | None = None

    def see(self, lived: Lived) -> None:
        """Take in a week."""
        if not self.ended:
            self._see(lived)

    @property
    def aim(self) -> Aim:
        """What the monitor is there for: alarms and certificates answer different questions."""
        return "value"

    @property
    def youngest(self) -> int:
        """Age in weeks that rows must have before they are read: a study that is no longer says nothing."""
        return 0

    def mark(self, gain: Mean) -> str:
        """How the verdict reads beside the truth, in words. gain: settled paired difference of the whole run."""
        if self.judged is not None:
            return self.judged
        if not self.states:
            return "no call"
        return self.own_mark() or self._mark(gain)

    def own_mark(self) -> str:
        """The mark, where the truth of what is watched is no gain in value and no limit; else empty."""
        return ""

    def _see(self, lived: Lived) -> None:
        raise NotImplementedError

    def _mark(self, gain: Mean) -> str:
        """Where `own_mark` is empty."""
        raise NotImplementedError

    @property
    def stop(self) -> MonitorState | None:
        """The state that stopped first, None if none did."""
        return next((s for s in self.states if s.verdict in _STOPS), None)

    @property
    def call(self) -> MonitorState | None:
        """`stop`; of a method that stops nothing by itself, the first state beyond its own boundary."""
        beyond = (s for s in self.states if s.validity == "descriptive" and abs(s.z) >= s.boundary)
        return self.stop or next(beyond, None)

    @property
    def verdict(self) -> str:
        """What it came to: the first stop with its week, or the last state's word."""
        if self.stop is not None:
            return f"{self.stop.verdict} at week {self.stop.week}"
        return self.states[-1].verdict if self.states else "refused"

    @property
    def reason(self) -> str:
        """Why the latest look came out as it did, or why there was none."""
        if self.states:
            return self.states[-1].reason
        return f"rows are read at the age of {self.youngest} weeks, and the study ended before; give it more weeks"

    def path(self, gain: Mean) -> pd.DataFrame:
        """One row a look."""
        about = {"monitor": self.entry.label, "kind": self.entry.kind, "metric": self.entry.metric}
        rows = pd.DataFrame([about | vars(s) for s in self.states])
        return rows.assign(mark=self.mark(gain))


class KpiWatch(Watch):
    """Watches the paired difference in value, or in mode ab that between group and control."""

    def __init__(self, entry: MonitorEntry, monitor: Monitor, *, wait_weeks: int = 0, by_account: bool = False) -> None:
        """wait_weeks: age from which weeks count. by_account: whether rows of a paired run go by account, or user."""
        super().__init__(entry, monitor)
        self.wait_weeks, self.by_account = wait_weeks, by_account

    @property
    def youngest(self) -> int:
        """Age from which weeks count."""
        return self.wait_weeks

    def _see(self, lived: Lived) -> None:
        log = lived.log
        if log.week < self.wait_weeks:
            return
        unit = log.unit if self.by_account else log.user_id
        paired = Batch(log.week, unit, 0, lived.difference, age_weeks=self.wait_weeks)
        self.states.append(self.monitor.update(lived.compared or paired))

    def _mark(self, gain: Mean) -> str:
        """By the sign of the settled difference."""
        return marked_gain(None if self.stop is None else self.stop.verdict, gain)


def marked_gain(verdict: str | None, gain: Mean) -> str:
    """A KPI verdict beside the settled difference of the run: right, wrong, too close to mark, or no call."""
    if verdict is None:
        return "no call"
    if gain.lower <= 0 <= gain.upper:
        return "too close to mark"
    return "right" if (gain.value > 0) == (verdict == "lift") else "wrong"
