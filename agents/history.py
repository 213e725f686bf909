"""A log of the past, as an agent may use it: week by week, with what had been reported by the end of each."""

from __future__ import annotations

from collections.abc import Iterator

from agents.interface import Problem
from rage_env.errors import LogError
from rage_env.interface import Feedback
from rage_env.log import CohortLog

__all__ = ["read_history", "told"]


def read_history(agent: str, folder: str, problem: Problem) -> CohortLog:
    """The log in that folder. Raises LogError unless it is of a world with the same arms and features."""
    log = CohortLog.read(folder)
    arms = tuple(a.name for a in problem.arms)
    for what, theirs, ours in (
        ("arms", log.meta.arm_names, arms),
        ("features", log.meta.feature_names, problem.feature_names),
    ):
        if theirs != ours:
            apart = [*(n for n in theirs if n not in ours), *(n for n in ours if n not in theirs)] or ["their order"]
            raise LogError(
                f"agent {agent}: history: {folder} has other {what} than this world ({', '.join(apart[:5])}); give a "
                "log of the same world"
            )
    return log


def told(log: CohortLog) -> Iterator[Feedback]:
    """What an agent that lived through the log would have learned, week by week; later reports are left out."""
    for week in log.weeks:
        yield Feedback(week, log.reports.where(log.reports.reported_week == week.week))
