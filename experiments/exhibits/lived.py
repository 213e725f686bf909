"""A week just lived, with all that exhibits are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.interface import Decision
from experiments.week_truth import WeekTruth
from rage_env.log import WeekLog

__all__ = ["LivedWeek", "total"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LivedWeek:
    """ledger: {column: (n,)} by accrual; value, net_revenue: (n,) usd of the week."""

    truth: WeekTruth
    log: WeekLog
    decision: Decision
    ledger: Mapping[str, NDArray[np.floating]]
    value: Floats
    net_revenue: Floats

    @property
    def offered(self) -> NDArray[np.bool_]:
        """(n,) who is there and drew an offer."""
        return np.asarray(self.log.present & (self.log.arm != 0))


def total(columns: Mapping[str, NDArray[np.floating]], names: tuple[str, ...]) -> Floats:
    """Sum of those of the named columns that are there."""
    held = [np.asarray(columns[name], np.float64) for name in names if name in columns]
    return np.asarray(np.sum(held, axis=0)) if held else np.float64(0) * next(iter(columns.values()))
