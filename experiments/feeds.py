"""What a run can feed a monitor, by what the monitor reads: which metrics it may name, or why no run can feed it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from experiments.monitors.interface import Reads
from experiments.offered import Against
from rage_env.errors import did_you_mean
from rage_env.outcomes import IMMEDIATE, LEDGER

__all__ = ["EVENTS", "Feed", "feed_of", "metric_problem"]

EVENTS = tuple(c.name for c in LEDGER if c.unit in ("0/1", "count"))
"""Columns of which a user-week has some or none; of several in a week one counts. Late ones count when reported."""

_AT_ONCE = tuple(name for name in EVENTS if name in IMMEDIATE)

_GUARDRAILS = ("a guardrail with a denominator",)
_FEATURES = ("a feature of the world",)
_CLOSED = "takes each unit once, with its total over a window, and everybody enters a run in its first week"


@dataclass(frozen=True)
class Feed:
    """metrics: names it may watch; where they depend on the world, words for them. groups_only: in mode ab alone.

    refusal: why a run has nothing to feed it; empty where it has.
    """

    metrics: tuple[str, ...] = ()
    groups_only: bool = False
    refusal: str = ""

    @property
    def open(self) -> bool:
        """Whether the world says which names there are."""
        return self.metrics in (_GUARDRAILS, _FEATURES)


_FEEDS: dict[Reads, Feed] = {
    "means": Feed(("value",)),
    "ratios": Feed(_GUARDRAILS),
    "arms": Feed(("arms",)),
    "arm_values": Feed(("value",)),
    "events_by_group": Feed(EVENTS, groups_only=True),
    "events": Feed(_AT_ONCE),
    "inputs": Feed(_FEATURES),
    "once": Feed(refusal=f"{_CLOSED}; watch a guardrail with ratio_betting, or a rate of events with rare_events"),
    "weights": Feed(
        refusal="needs bounds on rewards that hold for certain, and value has none; name estimators instead, "
        "or give `rage monitor` data with a bounded reward"
    ),
    "units": Feed(refusal="is not needed: mode ab checks the head-counts of its groups by itself, in every run"),
}


def feed_of(reads: Reads) -> Feed:
    """What a run has for monitors that read this."""
    return _FEEDS[reads]


def metric_problem(kind: str, reads: Reads, metric: str, against: Against, known: Sequence[str] | None = None) -> str:
    """Why this monitor cannot watch this metric in such a run; empty where it can.

    known: names of the world, where the metric must be one of them and they are at hand.
    """
    feed = feed_of(reads)
    if feed.refusal:
        return f"monitor {kind} cannot be fed by a run: it {feed.refusal}"
    if feed.groups_only and against != "groups":
        return f"monitor {kind} compares groups, and a paired run has none; use it in mode ab"
    if feed.open:
        if metric == "value":
            return f"monitor {kind} cannot watch 'value'; let `metric` be {feed.metrics[0]}"
        if known is not None and metric not in known:
            near = did_you_mean(metric, known)
            return f"no {feed.metrics[0].split()[1]} is called {metric!r}{near} Known: {', '.join(known) or 'none'}."
        return ""
    if metric not in feed.metrics:
        names = ", ".join(feed.metrics)
        return f"monitor {kind} cannot watch {metric!r}; let `metric` be {names}"
    return ""
