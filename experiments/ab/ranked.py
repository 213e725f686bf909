"""Agents ranked against the control at one common week, few of those named better being no better (e-BH)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import pandas as pd

from experiments.monitors import MonitorState
from experiments.monitors.ranking import rank
from experiments.watch import Watch

__all__ = ["RANKING", "ranked"]

RANKING = ("ranked_week", "place", "named_better")
"""Columns that a ranking adds: its week, the agent's place by estimate, and 1 where e-BH names it better."""


def ranked(watches: Mapping[str, Sequence[Watch]], alpha: float) -> pd.DataFrame:
    """One row an agent and monitor of value that gives e-values: agent, monitor and RANKING. watches: by agent.

    The week is the last at which every group was still looked at, which data may choose. Among the agents named better
    at most a share alpha is expected to be none. Monitors without e-values, or with one agent, have no rows.
    """
    return pd.DataFrame(list(_rows(watches, alpha)), columns=["agent", "monitor", *RANKING])


def _rows(watches: Mapping[str, Sequence[Watch]], alpha: float) -> Iterator[dict[str, object]]:
    for label in dict.fromkeys(w.entry.label for each in watches.values() for w in each if w.aim == "value"):
        states = {agent: w.states for agent, each in watches.items() for w in each if w.entry.label == label}
        if len(states) < 2 or not all(states.values()):
            continue
        week = min(path[-1].week for path in states.values())
        now = {agent: replace(_at(path, week), week=week) for agent, path in states.items()}
        if any(math.isnan(state.log_e) for state in now.values()):
            continue
        for one in rank(now, alpha):
            about = {"agent": one.agent, "monitor": label, "ranked_week": float(week)}
            yield about | {"place": float(one.place), "named_better": float(one.discovered)}


def _at(path: Sequence[MonitorState], week: int) -> MonitorState:
    """The state of a week, or the last before it."""
    return [state for state in path if state.week <= week][-1]
