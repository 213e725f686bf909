"""Harm alarm for a rare 0/1 event against a limit: likelihood ratios mixed over a beta law truncated to rates above it.

ln E = ln B(a+S, b+n-S) + ln(1 - I(a+S, b+n-S)) - ln B(a, b) - ln(1 - I(a, b)) - S ln p0 - (n-S) ln(1-p0), where I is
the regularised incomplete beta function at p0, a = 1 and b = 1/(2 p0): most weight lies within a few times p0.
Every factor has mean at most 1 under any rate up to p0, so Ville's inequality (1939) holds at any look; mixtures of
likelihood ratios after Robbins (1970).
"""

from __future__ import annotations

import math
from typing import ClassVar, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincc, betaln

from experiments.monitors.batch import Batch
from experiments.monitors.evidence import evidence_state
from experiments.monitors.interface import MonitorState, Reads, Validity, open_share
from experiments.monitors.replications import alarmed
from experiments.monitors.streams import EventStream, Stream
from experiments.monitors.tally import TallyMonitor
from rage_env.errors import ConfigError

__all__ = ["RareEvents", "log_evidence"]

Floats = NDArray[np.float64]
Trial = Literal["once", "hazard"]


class RareEvents(TallyMonitor):
    """Alarms once the share of events is proven to exceed `limit`. Values are 0 or 1.

    trial: `once`, each unit enters one time; `hazard`, a unit enters every week it is at risk, and the null bounds
    each week's probability given the past. group: watch only this group's rows.
    """

    kind: ClassVar[str] = "rare_events"
    validity: ClassVar[Validity] = "finite_sample"
    reads: ClassVar[Reads] = "events"

    def __init__(self, *, limit: float, alpha: float = 0.05, trial: Trial = "once", group: int | None = None) -> None:
        super().__init__(sums=2)  # events, rows
        self.limit, self.alpha = open_share("limit", limit), open_share("alpha", alpha)
        if trial not in get_args(Trial):
            raise ConfigError(f"trial: must be one of {', '.join(get_args(Trial))}, got {trial!r}")
        self.trial, self.group = trial, group
        whose = "each unit's probability of an event" if trial == "once" else "each week's probability given the past"
        self.null = f"H0: {whose} is at most {limit:g}"

    def _take(self, batch: Batch) -> MonitorState:
        if self.group is not None:
            batch = batch.only(self.group)
        batch.refuse((batch.value != 0) & (batch.value != 1), "value", "must be 0 or 1, one trial a row")
        way_out = "each unit enters once (trial hazard takes weeks)" if self.trial == "once" else "one row a week"
        self._seen.refuse_again(self.kind, batch, way_out)
        self._refuse_second_batch(batch)
        if self.trial == "once":
            self._seen = self._seen.joined(batch.unit)
        return self._tallied(batch, [batch.value.sum(), batch.n])

    def _now(self, batches: int) -> MonitorState:
        events, rows = self._records[:batches, 1].cumsum(), self._records[:batches, 2].cumsum()
        log_e = log_evidence(events, rows, self.limit)
        week, n = int(self._records[batches - 1, 0]), int(rows[-1])
        rate = float(events[-1] / rows[-1])
        return evidence_state(log_e, self.alpha, null=self.null, week=week, n_units=n, estimate=rate)

    @classmethod
    def for_stream(cls, stream: Stream, alpha: float = 0.05) -> Self | None:
        """0/1 events of units that enter once."""
        once = isinstance(stream, EventStream) and not stream.standing
        return cls(limit=stream.limit, alpha=alpha) if isinstance(stream, EventStream) and once else None

    def replicate(self, stream: Stream) -> NDArray[np.bool_]:
        """(reps, weeks) stopped by this week."""
        events = np.cumsum(stream.value.sum(axis=2), axis=1)
        rows = np.arange(1, events.shape[1] + 1) * float(stream.value.shape[2])
        return alarmed(log_evidence(events, np.broadcast_to(rows, events.shape), self.limit), self.alpha)


def log_evidence(events: Floats, rows: Floats, limit: float) -> Floats:
    """(...) log evidence that the rate is above `limit`. events, rows: (...) counts so far."""
    a, b = 1.0, 1 / (2 * limit)
    after = betaln(a + events, b + rows - events) + _log_upper(a + events, b + rows - events, limit)
    before = betaln(a, b) + math.log(betaincc(a, b, limit))
    return np.asarray(after - before - events * math.log(limit) - (rows - events) * math.log1p(-limit), np.float64)


def _log_upper(a: Floats, b: Floats, p: float) -> Floats:
    """(...) log of the beta law's mass above p; by the slope of its log density where that mass underflows."""
    mass = betaincc(a, b, p)
    log_density = (a - 1) * math.log(p) + (b - 1) * math.log1p(-p) - betaln(a, b)
    slope = np.maximum((b - 1) / (1 - p) - (a - 1) / p, 1e-300)
    return np.asarray(
        np.where(mass > 1e-280, np.log(np.maximum(mass, 1e-280)), log_density - np.log(slope)), np.float64
    )
