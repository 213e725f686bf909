"""Which numbers of a run become charts: weekly series and final figures, as (week, value) points."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd

from experiments.layout import PER_GUARDRAIL, WEEKLY

__all__ = ["MOST_SERIES", "Points", "last_figures", "weekly_series"]

MOST_SERIES = 40
"""Weekly series of a run that are drawn; all of them are in its weekly.parquet."""

_FIRST = (*WEEKLY[1:], "slack_true", "violated", *PER_GUARDRAIL)


class Points(NamedTuple):
    """A named series of (week, finite value) pairs."""

    name: str
    points: list[tuple[int, float]]


def weekly_series(weekly: pd.DataFrame) -> list[Points]:
    """At most MOST_SERIES numeric columns, the ones every table has and slack before the rest; gaps are left out."""

    def rank(column: str) -> int:
        head = column.partition(".")[0]
        return _FIRST.index(head) if head in _FIRST else len(_FIRST)

    columns = sorted((c for c in weekly.columns if c != "week"), key=rank)[:MOST_SERIES]
    weeks = weekly["week"].tolist()
    return [Points(f"weekly/{c}", _finite(weeks, weekly[c].astype(float).tolist())) for c in columns]


def last_figures(summary: Mapping[str, object], prefix: str = "") -> list[Points]:
    """One point for every number of the summary, nested ones under dotted names."""
    found: list[Points] = []
    for key, value in summary.items():
        if isinstance(value, Mapping):
            found.extend(last_figures(value, f"{prefix}{key}."))
        elif isinstance(value, int | float):
            found.append(Points(f"{prefix}{key}", _finite([0], [float(value)])))
    return found


def _finite(weeks: list[int], values: list[float]) -> list[tuple[int, float]]:
    return [(w, v) for w, v in zip(weeks, values, strict=True) if math.isfinite(v)]
