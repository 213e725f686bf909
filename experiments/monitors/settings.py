"""The settings in which every monitor is rehearsed: which streams put it to the test there, or why none does."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.monitors.rehearsal import ASSIGNMENTS, BOUNDED, EVENTS, INPUTS, LOGGED, MEANS, RATIOS
from experiments.monitors.streams import AssignmentStream, LoggedStream, MeanStream, RatioStream, Stream

__all__ = ["AGENTS", "SETTINGS", "Family", "family_of", "of_agents"]

SETTINGS: dict[str, tuple[str, ...]] = {
    "iid normal": ("iid_normal", "paired_normal", "bounded_normal", "steady_normal", "logged_normal"),
    "log-normal, equal arms": (
        "heavy_tails",
        "log_normal_losses",
        "bounded_log_normal",
        "steady_log_normal",
        "logged_log_normal",
    ),
    "log-normal, 1:9, capped": ("capped_small_arm", "small_group_losses", "bounded_small_arm", "logged_small_arm"),
    "rare binomial": (
        "frequent_events",
        "even_losses",
        "units_once",
        "rare_events",
        "steady_flag",
        "logged_events",
        "fair_assignment",
    ),
    "clustered, ICC .5": (
        "clustered",
        "persistent_fraudsters",
        "shared_shocks",
        "risky_units",
        "standing_risks",
        "bounded_clustered",
        "standing_clusters",
        "logged_clusters",
    ),
    "AR(1), .9": (
        "autoregressive",
        "drifting_apart",
        "wandering_risk",
        "wandering_hazards",
        "bounded_autoregressive",
        "standing_paths",
        "logged_paths",
    ),
    "CUPED": ("with_covariate", "logged_predicted"),
}
"""Streams by setting; `five agents` (A/B/5) is made of the first of a family's by `of_agents`."""

FIVE = "five agents"
AGENTS = 5


@dataclass(frozen=True)
class Family:
    """Monitors that read the same kind of stream, the stream that five agents share, and why settings are left out."""

    streams: tuple[str, ...]
    for_agents: str | None
    why_not: dict[str, str]


_COUNTS = "takes 0/1 events only: a value of another law is refused"
_ONCE = "each unit enters once: no path of its own comes back; persistent risks are tested beside this cell"
_NO_COVARIATE = "uses no covariate; a bound on values or rates needs none"
_NO_VALUES = "values are not looked at, head-counts are: one cell stands for all"

FAMILIES: dict[str, Family] = {
    "means": Family(tuple(MEANS), "many_agents", {}),
    "ratios": Family(
        tuple(RATIOS),
        "even_losses",
        {"iid normal": "losses below 0 are refused", "CUPED": _NO_COVARIATE},
    ),
    "events": Family(
        tuple(EVENTS),
        "rare_events",
        {
            "iid normal": _COUNTS,
            "log-normal, equal arms": _COUNTS,
            "log-normal, 1:9, capped": _COUNTS,
            "AR(1), .9": _ONCE,
            "CUPED": _NO_COVARIATE,
        },
    ),
    "bounded": Family(tuple(BOUNDED), "bounded_normal", {"CUPED": _NO_COVARIATE}),
    "inputs": Family(
        tuple(INPUTS),
        "steady_normal",
        {
            "log-normal, 1:9, capped": "has no arms, and a cap moves no threshold below it",
            "CUPED": "a feature is not adjusted for another",
        },
    ),
    "logged": Family(tuple(LOGGED), "logged_normal", {}),
    "assignments": Family(
        tuple(ASSIGNMENTS), "fair_assignment", {s: _NO_VALUES for s in SETTINGS if s != "rare binomial"}
    ),
}


def family_of(stream: str) -> Family:
    """The family a stream belongs to."""
    return next(f for f in FAMILIES.values() if stream in f.streams or stream == f.for_agents)


def of_agents(stream: Stream, agents: int = AGENTS) -> Iterator[Stream]:
    """The part of a stream that each of several agents is judged by; each is to be tested at alpha / agents."""
    n = stream.value.shape[2]
    for agent in range(agents):
        if isinstance(stream, MeanStream) and stream.group is not None:
            mine = (stream.group == 0) | (stream.group == agent + 1)
            group = (stream.group[mine] > 0).astype(np.int64)
            yield dataclasses.replace(stream, value=stream.value[..., mine], group=group)
        else:
            yield _block(stream, np.arange(agent * (n // agents), (agent + 1) * (n // agents)))


def _block(stream: Stream, users: NDArray[np.int64]) -> Stream:
    """The stream of some users alone."""
    value = stream.value[..., users]
    if isinstance(stream, RatioStream):
        return dataclasses.replace(stream, value=value, denominator=stream.denominator[..., users])
    if isinstance(stream, LoggedStream):
        return dataclasses.replace(stream, value=value, arm=stream.arm[..., users])
    if isinstance(stream, AssignmentStream):
        return dataclasses.replace(stream, value=value)
    group = getattr(stream, "group", None)
    return dataclasses.replace(stream, value=value, **({} if group is None else {"group": group[users]}))
