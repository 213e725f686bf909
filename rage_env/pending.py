"""Delayed amounts between the week that caused them and the week that reports them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from rage_env.delays import DelayLaw
from rage_env.log import Reports
from rage_env.outcomes import DELAYED
from rage_env.randomness import Draw, Noise

__all__ = ["Pending", "reports_of_week"]


def reports_of_week(
    week: int, user_id: NDArray[np.int64], columns: Mapping[str, NDArray[np.float32]], luck: Noise,
    laws: Mapping[str, DelayLaw],
) -> Reports:  # fmt: skip
    """Everything that this week's users caused, each with the week in which it will be reported.

    One uniform a user-week sets the delays of all its columns; a column's own law turns it into weeks.
    """
    parts = []
    for code, name in enumerate(DELAYED):
        rows = np.flatnonzero(columns[name])
        if len(rows):
            delay = laws[name].weeks(luck.take(rows).uniform(Draw.DELAY))
            parts.append(
                Reports(
                    user_id=user_id[rows],
                    accrual_week=np.full(len(rows), week, np.int32),
                    reported_week=(week + delay).astype(np.int32),
                    column=np.full(len(rows), code, np.int8),
                    amount=columns[name][rows],
                )
            )
    return Reports.concat(parts)


class Pending:
    """Remembers what is still to be reported, by the week it falls due."""

    def __init__(self) -> None:
        self._due: dict[int, list[Reports]] = {}

    def add(self, reports: Reports) -> None:
        """Keep these until they fall due."""
        for due in np.unique(reports.reported_week):
            self._due.setdefault(int(due), []).append(reports.where(reports.reported_week == due))

    def pop(self, week: int) -> Reports:
        """What is reported in this week."""
        return Reports.concat(self._due.pop(week, []))

    def rest(self) -> Reports:
        """Everything still to come, earliest first; nothing is forgotten."""
        return Reports.concat([part for due in sorted(self._due) for part in self._due[due]])
