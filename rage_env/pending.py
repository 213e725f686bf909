"""Delayed amounts between the week that caused them and the week that reports them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from rage_env.delays import DelayLaw
from rage_env.log import Reports
from rage_env.outcomes import DELAYED
from rage_env.randomness import Draw, Noise

__all__ = ["Pending", "reports_of_week", "rows_to_report"]


def rows_to_report(columns: Mapping[str, NDArray[np.float32]], n: int) -> NDArray[np.intp]:
    """Rows among n in which any delayed column is not 0."""
    something = np.zeros(n, np.bool_)
    for column in {id(columns[name]): columns[name] for name in DELAYED if name in columns}.values():
        something |= column != 0
    return np.flatnonzero(something)


def reports_of_week(
    week: int, user_id: NDArray[np.int64], columns: Mapping[str, NDArray[np.float32]], luck: Noise,
    laws: Mapping[str, DelayLaw],
) -> Reports:  # fmt: skip
    """Everything that these users of a week caused, each with the week in which it will be reported.

    One uniform a user-week sets the delays of all its columns; a column's own law turns it into weeks.
    """
    if not len(user_id):
        return Reports.empty()
    given = [(code, name) for code, name in enumerate(DELAYED) if name in columns]
    uniform = luck.uniform(Draw.DELAY)
    parts = []
    delays = {law: law.weeks(uniform) for law in {laws[name] for _, name in given}}
    for code, name in given:
        amount = columns[name]
        due = np.flatnonzero(amount != 0)
        if not len(due):
            continue
        parts.append(
            Reports(
                user_id=user_id[due],
                accrual_week=np.full(len(due), week, np.int32),
                reported_week=(week + delays[laws[name]][due]).astype(np.int32),
                column=np.full(len(due), code, np.int8),
                amount=amount[due],
            )
        )
    return Reports.concat(parts)


class Pending:
    """Remembers what is still to be reported, by the week it falls due."""

    def __init__(self) -> None:
        self._due: dict[int, list[Reports]] = {}

    def add(self, reports: Reports) -> None:
        """Keep these until they fall due."""
        if not len(reports):
            return
        first = int(reports.reported_week.min())
        after = (reports.reported_week - first).astype(np.int16)  # so that the sort counts instead of comparing
        ordered = reports.where(np.argsort(after, kind="stable"))
        ends = np.cumsum(np.bincount(after))
        for i, (start, end) in enumerate(zip((0, *ends[:-1]), ends, strict=True)):
            if end > start:
                self._due.setdefault(first + i, []).append(ordered.where(slice(start, end)))

    def pop(self, week: int) -> Reports:
        """What is reported in this week."""
        return Reports.concat(self._due.pop(week, []))

    def rest(self) -> Reports:
        """Everything still to come, earliest first; nothing is forgotten."""
        return Reports.concat([part for due in sorted(self._due) for part in self._due[due]])
