"""What a week brought in every segment, by archetype too."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.exhibits.lived import LivedWeek, total
from rage_env.outcomes import LOSSES
from rage_env.state import Archetype

__all__ = ["ARCHETYPE", "segments"]

ARCHETYPE = "archetype (true)"
"""Stands for a segment where users are told apart by what only the simulator knows."""


def segments(lived: LivedWeek, archetype: NDArray[np.integer]) -> pd.DataFrame:
    """One row a code of every segment: users assigned, present, offered; usd of value, net revenue and losses."""
    amounts = {
        "assigned": np.ones(lived.log.n),
        "present": lived.log.present.astype(np.float64),
        "offered": lived.offered.astype(np.float64),
        "value_usd": lived.value,
        "net_revenue_usd": lived.net_revenue,
        "loss_usd": total(lived.ledger, LOSSES),
    }
    return pd.concat(
        [_by(name, codes, labels, amounts, lived.log.week) for name, codes, labels in _told_apart(lived, archetype)]
    )


def _told_apart(
    lived: LivedWeek, archetype: NDArray[np.integer]
) -> Iterator[tuple[str, NDArray[np.integer], list[str]]]:
    for name, codes in lived.truth.observation.segments.items():
        yield name, codes, [str(code) for code in range(int(codes.max()) + 1)]
    yield ARCHETYPE, archetype, [a.name.lower() for a in Archetype]


def _by(
    name: str, codes: NDArray[np.integer], labels: list[str], amounts: dict[str, NDArray[np.float64]], week: int
) -> pd.DataFrame:
    at = np.asarray(codes, np.int64)
    sums = {column: np.bincount(at, held, minlength=len(labels)) for column, held in amounts.items()}
    table = pd.DataFrame({"week": week, "segment": name, "code": labels, **sums})
    return table[table["assigned"] > 0]
