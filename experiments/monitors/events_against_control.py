"""Harm alarm for rare 0/1 events against control: of the units that have one, are too many treated?

Given that an event happened, it is a treated unit's with probability at most theta0, the treated share of those at
risk (each counted `margin` times): Lindon & Malek (2022), "Anytime-valid inference for multinomial count data", on
event labels. Bets are likelihood ratios of hazards `ratio` times as high, mixed over a grid of ratios. Labels of one
week are drawn without replacement, which spreads less than the binomial law (Hoeffding 1963), so the level holds.
A unit leaves the risk set with its first event: persistent offenders would otherwise bring their label again and again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from experiments.monitors.batch import Batch
from experiments.monitors.betting import log_mean_exp
from experiments.monitors.evidence import evidence_state
from experiments.monitors.interface import MonitorState, Reads, Validity, open_share, positive
from experiments.monitors.once import Assigned
from experiments.monitors.replications import alarmed
from experiments.monitors.streams import EventStream, Stream
from experiments.monitors.tally import TallyMonitor
from rage_env.errors import ConfigError, LogError

__all__ = ["EventsAgainstControl", "label_evidence"]

Floats = NDArray[np.float64]
_POINTS, _LARGEST_RATIO = 24, 20.0


class EventsAgainstControl(TallyMonitor):
    """Alarms once treated units at risk are proven to have events at more than `margin` times the rate of control.

    Values are 0 or 1, a row a unit and week; a unit's later rows, once it has had its event, are left out. The
    estimate is the ratio of rates so far. Groups must have been randomised.
    """

    kind: ClassVar[str] = "events_against_control"
    validity: ClassVar[Validity] = "finite_sample"
    reads: ClassVar[Reads] = "events_by_group"

    def __init__(self, *, alpha: float = 0.05, treatment: int = 1, control: int = 0, margin: float = 1.0) -> None:
        super().__init__(sums=4)  # events treated, events control, at risk treated, at risk control
        if treatment == control:
            raise ConfigError(f"treatment: must differ from control, both are group {control}")
        self.alpha, self.margin = open_share("alpha", alpha), positive("margin", margin)
        self.treatment, self.control = treatment, control
        self._assigned = Assigned()
        self.null = (
            f"H0: a week's first events fall to group {treatment} at no more than {margin:g} x the rate at risk of "
            f"group {control}"
        )

    def _take(self, batch: Batch) -> MonitorState:
        self._refuse_second_batch(batch)
        batch.refuse((batch.value != 0) & (batch.value != 1), "value", "must be 0 or 1, one unit a row")
        assigned, codes = self._assigned.joined(self.kind, batch), batch.groups()
        at_risk = ~np.isin(batch.unit, self._seen.unit)
        treated, control = (codes == self.treatment) & at_risk, (codes == self.control) & at_risk
        if not (treated.any() and control.any()):
            raise LogError(
                f"{self.kind}: week {batch.week} needs units at risk in groups {self.treatment} and {self.control}; "
                f"present: {np.unique(codes[at_risk]).tolist()}"
            )
        struck = (batch.value == 1) & (treated | control)
        self._assigned, self._seen = assigned, self._seen.joined(batch.unit[struck])
        events = [(struck & treated).sum(), (struck & control).sum()]
        return self._tallied(batch, [*events, treated.sum(), control.sum()])

    def _now(self, batches: int) -> MonitorState:
        rows = self._records[:batches, 1:]
        log_e = label_evidence(rows, self.margin)
        events, risk = rows[:, :2].sum(axis=0), rows[:, 2:].sum(axis=0)
        ratio = (events[0] / risk[0]) / (events[1] / risk[1]) if events[1] else math.nan
        return evidence_state(
            log_e,
            self.alpha,
            null=self.null,
            week=int(self._records[batches - 1, 0]),
            n_units=int(rows[-1, 2:].sum()),
            estimate=float(ratio),
            reason=f"{events[0]:.0f} events treated, {events[1]:.0f} in control",
        )

    def merge(self, other: Self) -> Self:
        """A monitor over the units of both shards."""
        both = super().merge(other)
        both._assigned = self._assigned.merged(other._assigned)
        return both

    def _arrays(self) -> dict[str, NDArray[np.generic]]:
        return {**super()._arrays(), "unit": self._assigned.unit, "group": self._assigned.group}

    def _restore(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        super()._restore(arrays)
        self._assigned = Assigned(arrays["unit"].astype(np.int64), arrays["group"].astype(np.int64))

    @classmethod
    def for_stream(cls, stream: Stream, alpha: float = 0.05) -> Self | None:
        """0/1 events of two groups."""
        return cls(alpha=alpha) if isinstance(stream, EventStream) and stream.group is not None else None

    def replicate(self, stream: Stream) -> NDArray[np.bool_]:
        """(reps, weeks) stopped by this week."""
        if not isinstance(stream, EventStream) or stream.group is None:
            return super().replicate(stream)
        had = np.cumsum(stream.value, axis=1) - stream.value > 0 if stream.standing else np.zeros(1, np.bool_)
        risk = np.broadcast_to(~had, stream.value.shape).astype(np.float64)
        struck = stream.value * risk
        arms = (stream.group == self.treatment, stream.group == self.control)
        sums = [(x * arm).sum(axis=2) for x in (struck, risk) for arm in arms]
        return alarmed(label_evidence(np.stack(sums, axis=-1), self.margin), self.alpha)


def label_evidence(weeks: Floats, margin: float = 1.0) -> Floats:
    """(..., t) log evidence against equal rates. weeks: (..., t, 4) events and units at risk, treated and control."""
    treated, control, risk, base = (weeks[..., i, None] for i in range(4))
    ratio = margin * np.geomspace(_LARGEST_RATIO ** (1 / _POINTS), _LARGEST_RATIO, _POINTS)
    with_margin = margin * risk + base
    now = ratio * risk + base
    gain = treated * np.log(ratio / margin * with_margin / now) + control * np.log(with_margin / now)
    return log_mean_exp(np.cumsum(gain, axis=-2))
