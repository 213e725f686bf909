"""Alarms and certificates of a guardrail's ratio inside a run.

They see each user-week once at every age they declare, with the loss reported by then. Their null speaks of decisions
as made, so they are marked by conditional means of the arms as drawn, denominators capped as the monitor caps them:
given arms and past, users' losses are independent, however the arms were drawn.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from experiments.config import MonitorEntry
from experiments.metrics import Mean
from experiments.monitors import Batch, Monitor
from experiments.watch import Aim, Lived, Watch
from experiments.week_truth import expected
from rage_env.guardrails import Guardrail, weighted_sum
from rage_env.interface import NO_OFFER
from rage_env.log import WeekLog
from rage_env.outcomes import DELAYED

__all__ = ["RatioWatch", "head_counted"]

Floats = NDArray[np.float64]


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


def head_counted(log: WeekLog) -> dict[str, NDArray[np.float32]]:
    """{column: (n,)} of a week, `present` among them."""
    return {**log.columns, "present": log.present.astype(np.float32)}
