"""Holds weeks as they are lived against weeks as they were logged, bit for bit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rage_env.log import CohortLog, Reports, WeekLog

__all__ = ["Witness"]

Columns = Iterator[tuple[str, NDArray[np.generic], NDArray[np.generic]]]


@dataclass
class Witness:
    """Remembers what differs. arms, probs: user-weeks whose arm, or whose probabilities, are others than logged.

    first_decision, first_of_world: the first place where a decision, or what the world showed, is not the logged one;
    empty where there is none.
    """

    log: CohortLog
    user_weeks: int = 0
    arms: int = 0
    probs: int = 0
    first_decision: str = ""
    first_of_world: str = ""
    reports: list[Reports] = field(default_factory=list)

    def append(self, week: WeekLog) -> None:
        """Compare one week."""
        logged = self.log.weeks[week.week]
        self.user_weeks += week.n
        decided = list(_decided(logged, week))
        self.arms += int((logged.arm != week.arm).sum())
        if logged.probs is not None and week.probs is not None:
            self.probs += int((logged.probs != week.probs).any(axis=1).sum())
        self.first_decision = self.first_decision or _first(week, iter(decided))
        self.first_of_world = self.first_of_world or _first(week, _shown(logged, week))

    def append_reports(self, reports: Reports) -> None:
        """Keep reports until the end."""
        self.reports.append(reports)

    def close(self) -> None:
        """Compare what was reported late."""
        held, now = self.log.reports, Reports.concat(self.reports)
        if not self.first_of_world and any(
            not np.array_equal(getattr(held, name), getattr(now, name)) for name in Reports.__dataclass_fields__
        ):
            self.first_of_world = f"late reports: {len(held)} logged, {len(now)} now, or other amounts"


def _decided(logged: WeekLog, now: WeekLog) -> Columns:
    yield "arm", logged.arm, now.arm
    if not logged.withheld:
        yield "propensity", logged.propensity, now.propensity
    if logged.probs is not None and now.probs is not None:
        for arm in range(now.probs.shape[1]):
            yield f"probability of arm {arm}", logged.probs[:, arm], now.probs[:, arm]


def _shown(logged: WeekLog, now: WeekLog) -> Columns:
    for name in ("user_id", "unit", "present"):
        yield name, getattr(logged, name), getattr(now, name)
    for j in range(now.features.shape[1]):
        yield f"feature {j}", logged.features[:, j], now.features[:, j]
    for name, column in now.columns.items():
        yield name, logged.columns[name], column


def _first(week: WeekLog, columns: Columns) -> str:
    for name, was, is_ in columns:
        if not np.array_equal(was, is_):
            row = int(np.argmax(was != is_))
            return f"week {week.week}, user {week.user_id[row]}: {name} was {was[row]}, is {is_[row]}"
    return ""
