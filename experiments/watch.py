"""Monitors inside a run: fed week by week with what was known at the time, marked afterwards by what was true.

KPI monitors (metric `value`) see each user's paired difference to the same life left alone, once a week is old enough
to be judged, with losses still out made up for (see `completed`).
Ratio monitors (metric: a guardrail) see each user-week once at every age they declare, with the loss reported by then;
their null speaks of decisions as made, so they are marked by conditional means of the arms as drawn, denominators
capped as the monitor caps them: given arms and past, users' losses are independent, however the arms were drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.config import MonitorEntry
from experiments.metrics import Mean
from experiments.monitors import Batch, Monitor, MonitorState
from experiments.week_truth import WeekTruth, expected
from rage_env.guardrails import Guardrail, weighted_sum
from rage_env.interface import NO_OFFER
from rage_env.log import Reports, WeekLog
from rage_env.outcomes import DELAYED

__all__ = ["KpiWatch", "RatioWatch", "Watch", "head_counted", "marked_gain"]

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
        batch = lived.compared or Batch(log.week, unit, 0, lived.difference)
        self.states.append(self.monitor.update(replace(batch, age_weeks=self.wait_weeks)))

    def _mark(self, gain: Mean) -> str:
        """By the sign of the settled difference."""
        return marked_gain(None if self.stop is None else self.stop.verdict, gain)


class RatioWatch(Watch):
    """Watches one guardrail's ratio on the agent's own population."""

    def __init__(
        self, entry: MonitorEntry, monitor: Monitor, guardrail: Guardrail, cap_usd: float, *, by_account: bool = False
    ) -> None:
        """by_account: whether the monitor is fed the account of each row, whose users share luck, or the user."""
        super().__init__(entry, monitor)
        self.guardrail, self.cap_usd, self.by_account = guardrail, cap_usd, by_account
        self.ages: tuple[int, ...] = tuple(getattr(monitor, "ages", (0,)))
        self._amount: list[Floats] = []  # of each accrual week: numerator known so far, by row
        self._size: list[Floats] = []  # its denominator
        self._capped: list[float] = []  # true usage beyond the limit on capped denominators, arms as drawn, to date
        self._plain: list[float] = []  # true usage beyond the limit itself, probabilities as drawn from, to date
        self.violated: list[bool] = []  # by week: true usage beyond the limit and beyond that of leaving all alone

    @property
    def aim(self) -> Aim:
        """An alarm asks whether the limit is broken, a certificate whether it is kept."""
        return "certificate" if getattr(self.monitor, "conclusion", "harm") == "certified" else "alarm"

    @property
    def youngest(self) -> int:
        """The youngest declared age."""
        return min(self.ages)

    def _see(self, lived: Lived) -> None:
        """Of each declared age, the rows that have just reached it."""
        week, user_id = lived.log.week, lived.log.user_id
        unit = lived.log.unit if self.by_account else user_id
        numerator, denominator = self.guardrail.numerator, self.guardrail.denominator or {}
        shown = {c: w for c, w in numerator.items() if c not in DELAYED}
        columns = head_counted(lived.log)
        self._amount.append(weighted_sum(shown, columns, user_id.shape))
        self._size.append(weighted_sum(denominator, columns, user_id.shape))
        self._add_reports(lived)
        self._true_excess(lived)
        for age in self.ages:
            if week >= age:
                amount, size = self._amount[week - age], self._size[week - age]
                batch = Batch(week, unit, 0, amount, denominator=size, age_weeks=age)
                self.states.append(self.monitor.update(batch))

    def _mark(self, gain: Mean) -> str:
        """Stops by what the monitor tests, cumulative and capped, up to their week; silence by the guardrail itself."""
        stop = self.stop
        if stop is None:
            broken = max(self._plain, default=0.0) > 0
            return "missed" if broken == (self.aim == "alarm") else "rightly silent"
        broken = max(self._capped[: stop.week + 1]) > 0
        return "right" if broken == (stop.verdict == "harm") else "wrong"

    def _add_reports(self, lived: Lived) -> None:
        user_id = lived.log.user_id
        order = np.argsort(user_id, kind="stable")
        for column, weight in self.guardrail.numerator.items():
            if column not in DELAYED:
                continue
            code, known = DELAYED.index(column), lived.reports
            mine = known.where((known.column == code) & (known.accrual_week >= 0))
            rows = order[np.searchsorted(user_id[order], mine.user_id)]
            for week in np.unique(mine.accrual_week).tolist():
                of = mine.accrual_week == week
                np.add.at(self._amount[week], rows[of], weight * mine.amount[of].astype(np.float64))

    def _true_excess(self, lived: Lived) -> None:
        """Add the week's expected usage beyond the limit; the share under the cap is that of the week as lived."""
        log, size, limit = lived.log, self._size[-1], self.guardrail.limit
        under = float(np.minimum(size, self.cap_usd).sum() / size.sum()) if size.sum() > 0 else 1.0
        shape = (log.n, lived.truth.observation.k)
        loss = weighted_sum(self.guardrail.numerator, lived.truth.means, shape)
        base = weighted_sum(self.guardrail.denominator or {}, lived.truth.means, shape)
        rows = np.arange(log.n)
        drawn = float((loss - limit * under * base)[rows, log.arm].sum())
        assert log.probs is not None
        asked, rounding = expected(loss - limit * base, log.probs), 1e-6 * expected(base, log.probs)
        self._capped.append((self._capped[-1] if self._capped else 0.0) + drawn)
        self._plain.append((self._plain[-1] if self._plain else 0.0) + asked - rounding)
        alone = float((loss - limit * base)[:, NO_OFFER].sum())
        self.violated.append(asked - rounding > max(0.0, alone))


def marked_gain(verdict: str | None, gain: Mean) -> str:
    """A KPI verdict beside the settled difference of the run: right, wrong, too close to mark, or no call."""
    if verdict is None:
        return "no call"
    if gain.lower <= 0 <= gain.upper:
        return "too close to mark"
    return "right" if (gain.value > 0) == (verdict == "lift") else "wrong"


def head_counted(log: WeekLog) -> dict[str, NDArray[np.float32]]:
    """{column: (n,)} of a week, `present` among them."""
    return {**log.columns, "present": log.present.astype(np.float32)}
