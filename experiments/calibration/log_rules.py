"""The rules that a weekly log must keep, each told by the first user and week that breaks it, with the way out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.facts.panel import Bools, Floats
from rage_env.errors import LogError

__all__ = ["LEAST_USERS", "LEAST_WEEKS", "Rows", "check_rows"]

LEAST_WEEKS = 8
"""Weeks below which hardly anything can be told about what lasts."""

LEAST_USERS = 50
"""Users below which moments are mostly luck."""

_SHOWN = 5


@dataclass
class Rows:
    """A weekly log as it was written. user: position in names. `sparse` is set once the rules are known to hold."""

    names: tuple[str, ...]  # (n,) users as the log calls them
    user: NDArray[np.int64]  # (r,)
    week: Floats  # (r,)
    columns: Mapping[str, Floats]  # (r,) each; active and gmv always
    has_spend: bool
    sparse: bool = False

    def place(self, row: int) -> str:
        """How a row is called in messages."""
        return f"user {self.names[self.user[row]]}, week {self.week[row]:g}"


def check_rows(rows: Rows, *, sparse: bool) -> None:
    """Raises LogError for the first rule that is broken. sparse: only active weeks have rows."""
    _weeks(rows)
    _numbers(rows)
    _once(rows)
    if not rows.columns["active"].any():
        raise LogError("column active: no user is active in any week; there is nothing to fit. Is it the right column?")
    if len(rows.names) < LEAST_USERS:
        raise LogError(f"user_id: {len(rows.names)} users say too little; give a log of at least {LEAST_USERS}")
    rows.sparse = sparse
    if not sparse and "present" not in rows.columns:
        _without_gaps(rows)


def _weeks(rows: Rows) -> None:
    whole = np.isfinite(rows.week) & (rows.week == np.floor(rows.week))
    if not whole.all():
        row = int(np.argmin(whole))
        raise LogError(f"column week, row {row}: must be a whole number counting weeks, got {rows.week[row]}")
    held = np.unique(rows.week.astype(np.int64))
    if len(held) == 1:
        raise LogError(f"column week: the log holds week {held[0]} alone; give at least {LEAST_WEEKS} weeks in a row")
    missing = np.setdiff1d(np.arange(held[0], held[-1] + 1), held)
    if len(missing):
        raise LogError(
            f"column week: no rows at all for {_listed(missing)} between {held[0]} and {held[-1]}; add them, "
            "or number the weeks without gaps"
        )
    if len(held) < LEAST_WEEKS:
        raise LogError(f"column week: {len(held)} weeks are too few; give at least {LEAST_WEEKS} in a row")


def _listed(weeks: NDArray[np.int64]) -> str:
    shown = ", ".join(map(str, weeks[:_SHOWN]))
    word = "week" if len(weeks) == 1 else "weeks"
    return f"{word} {shown}" + (f" and {len(weeks) - _SHOWN} more" if len(weeks) > _SHOWN else "")


def _numbers(rows: Rows) -> None:
    for name, held in rows.columns.items():
        _refuse(rows, ~np.isfinite(held), name, "must be a number", "fill or drop such rows")
    for name in ("active", "churned", "late", "present"):
        if name in rows.columns:
            held = rows.columns[name]
            _refuse(rows, (held != 0) & (held != 1), name, "must be 0 or 1", "a count becomes 1 where it is positive")
    for name in ("gmv", "transactions", "contacts"):
        if name in rows.columns:
            _refuse(rows, rows.columns[name] < 0, name, "must not be negative", "book a refund against its purchase")
    idle = (rows.columns["active"] == 0) & (rows.columns["gmv"] > 0)
    _refuse(rows, idle, "gmv", "must be 0 in a week that is not active", "set active to 1 there")


def _refuse(rows: Rows, bad: Bools, column: str, rule: str, way_out: str) -> None:
    if bad.any():
        row = int(np.argmax(bad))
        found, count = rows.columns[column][row], int(bad.sum())
        raise LogError(f"column {column}, {rows.place(row)}: {rule}, got {found:g} ({count} such rows); {way_out}")


def _once(rows: Rows) -> None:
    order = np.lexsort((rows.week, rows.user))
    same = (np.diff(rows.user[order]) == 0) & (np.diff(rows.week[order]) == 0)
    if same.any():
        row = int(order[1:][same][0])
        raise LogError(
            f"{rows.place(row)}: stands there more than once ({int(same.sum())} such rows); sum up each user's week"
        )


def _without_gaps(rows: Rows) -> None:
    """A user has a row for every week from the first to the last one."""
    order = np.lexsort((rows.week, rows.user))
    user, week = rows.user[order], rows.week[order]
    gap = (np.diff(user) == 0) & (np.diff(week) > 1)
    if gap.any():
        at = int(np.argmax(gap))
        raise LogError(
            f"user {rows.names[user[at]]}: no row for week {week[at] + 1:g}, though there are rows before and after "
            f"({int(gap.sum())} such gaps); add rows with active 0, or give --sparse if only active weeks have rows"
        )
    churned = rows.columns.get("churned")
    if churned is not None:
        after = (np.diff(user) == 0) & (churned[order][:-1] == 1)
        if after.any():
            raise LogError(
                f"{rows.place(int(order[1:][after][0]))}: there is a row after the week in which the user churned; "
                "drop it, or correct churned"
            )
