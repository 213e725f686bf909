"""Rare 0/1 events against a limit at planned looks: exact binomial boundaries that spend error by calendar time.

At each look the boundary is the least count whose chance, at the limit and among paths that crossed nothing before,
stays within what Lan & DeMets (1983) spending allows by then; what a discrete law leaves unspent is carried over.
Counts are followed exactly (recursive convolution, as Armitage, McPherson & Rowe 1969 do for normal ones). Higher
risk only means more crossings, so the limit itself is the worst case of the null.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from experiments.monitors.batch import Batch
from experiments.monitors.boundaries import spent
from experiments.monitors.interface import NAN, MonitorState, Reads, Validity, open_share, whole
from experiments.monitors.looks import planned_looks
from experiments.monitors.streams import EventStream, Stream
from experiments.monitors.tally import TallyMonitor

__all__ = ["PlannedBinomial", "count_boundaries"]

Floats = NDArray[np.float64]
_OUT_OF_REACH = 1e-13


class PlannedBinomial(TallyMonitor):
    """Alarms at a planned look at which more units had the event than `limit` explains. Each unit enters once.

    weeks: planned length. looks: weeks elapsed at each look, every week by default. group: watch only its rows.
    """

    kind: ClassVar[str] = "planned_binomial"
    validity: ClassVar[Validity] = "group_sequential"
    reads: ClassVar[Reads] = "once"

    def __init__(
        self,
        *,
        limit: float,
        weeks: int,
        looks: Sequence[int] | None = None,
        alpha: float = 0.05,
        spending: str = "obf",
        group: int | None = None,
    ) -> None:
        super().__init__(sums=2)  # events, rows
        self.limit, self.alpha = open_share("limit", limit), open_share("alpha", alpha)
        self.weeks, self.spending, self.group = whole("weeks", weeks, 1), spending, group
        self.looks = planned_looks(weeks, looks)
        spent(np.ones(1), alpha, 1, spending)  # refuses an unknown rule before any data come
        self.null = f"H0: each unit's probability of an event is at most {limit:g}, tested at the planned looks"

    def _take(self, batch: Batch) -> MonitorState:
        if self.group is not None:
            batch = batch.only(self.group)
        batch.refuse((batch.value != 0) & (batch.value != 1), "value", "must be 0 or 1, one unit a row")
        self._refuse_second_batch(batch)
        self._seen.refuse_again(self.kind, batch, "each unit enters once")
        self._seen = self._seen.joined(batch.unit)
        return self._tallied(batch, [batch.value.sum(), batch.n])

    def _now(self, batches: int) -> MonitorState:
        events, rows = self._records[:batches, 1].cumsum(), self._records[:batches, 2]
        week, first = int(self._records[batches - 1, 0]), int(self._records[0, 0])
        elapsed = self._records[:batches, 0].astype(np.int64) - first + 1
        looked = np.isin(elapsed, self.looks)
        bound = count_boundaries(rows, np.where(looked, self._allowed(elapsed), 0.0), self.limit)
        over = elapsed[-1] > self.weeks
        stopped = bool((looked & (events >= bound)).any())
        reason = f"the plan ended after {self.weeks} weeks" if over else "" if looked[-1] else "between looks"
        return MonitorState(
            estimate=float(events[-1] / rows.sum()),
            lower=NAN,
            upper=NAN,
            e_value=NAN,
            p_value=NAN,
            verdict="harm" if stopped else "refused" if over else "continue",
            validity=self.validity,
            null=self.null,
            week=week,
            z=float(events[-1]),
            boundary=float(bound[-1]),
            n_units=int(rows.sum()),
            reason=reason or f"{events[-1]:.0f} events; {bound[-1]:.0f} stop",
        )

    def _allowed(self, elapsed: NDArray[np.int64]) -> Floats:
        return spent(np.minimum(elapsed / self.weeks, 1.0), self.alpha, 1, self.spending)

    @classmethod
    def for_stream(cls, stream: Stream, alpha: float = 0.05) -> Self | None:
        """0/1 events of units that enter once."""
        if not isinstance(stream, EventStream) or stream.standing:
            return None
        return cls(limit=stream.limit, weeks=stream.value.shape[1], alpha=alpha)

    def replicate(self, stream: Stream) -> NDArray[np.bool_]:
        """(reps, weeks) stopped by this week."""
        if not isinstance(stream, EventStream):
            return super().replicate(stream)
        events = np.cumsum(stream.value.sum(axis=2), axis=1)
        elapsed = np.arange(1, events.shape[1] + 1)
        allowed = np.where(np.isin(elapsed, self.looks), self._allowed(elapsed), 0.0)
        bound = count_boundaries(np.full(len(elapsed), float(stream.value.shape[2])), allowed, self.limit)
        return np.asarray(np.logical_or.accumulate(events >= bound, axis=1), np.bool_)


def count_boundaries(rows: Floats, allowed: Floats, limit: float) -> Floats:
    """(t,) least counts that stop; infinite where there is no look. rows: (t,) new units; allowed: error spent by then.

    allowed is 0 at a week without a look.
    """
    left, gone, bound = np.ones(1), 0.0, np.full(len(rows), np.inf)  # law of the count among paths still running
    for look, (new, spend) in enumerate(zip(rows.astype(int), allowed, strict=True)):
        most = int(binom.isf(_OUT_OF_REACH, new, limit)) + 1
        left = np.convolve(left, binom.pmf(np.arange(min(most, new) + 1), new, limit))
        if spend <= gone:
            continue
        above = np.cumsum(left[::-1])[::-1] + _OUT_OF_REACH * (look + 1)  # chance of as many or more
        stops = np.flatnonzero(above <= spend - gone)
        count = int(stops[0]) if len(stops) else len(left)
        bound[look] = count
        gone += float(left[count:].sum()) + _OUT_OF_REACH
        left = left[:count]
    return bound
