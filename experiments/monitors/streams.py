"""Many replications of one stream of weeks, in the shape that monitors rehearse on: replications x weeks x users."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.monitors.batch import Batch

__all__ = ["AssignmentStream", "EventStream", "MeanStream", "RatioStream", "Stream"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MeanStream:
    """Weekly values of a closed cohort. group: (n,) codes, 0 is control; None where values are paired differences."""

    null: str
    value: Floats  # (reps, weeks, n)
    group: NDArray[np.int64] | None = None  # (n,)
    covariate: Floats | None = None  # (reps, n)
    cap: float | None = None

    def batch(self, rep: int, week: int) -> Batch:
        """One week of one replication."""
        covariate = None if self.covariate is None else self.covariate[rep]
        unit = np.arange(self.value.shape[2])
        return Batch(week, unit, 0 if self.group is None else self.group, self.value[rep, week], covariate=covariate)


@dataclass(frozen=True, eq=False)
class RatioStream:
    """Weekly losses and denominators. once: every week brings new units, with totals over `window_weeks`."""

    null: str
    value: Floats  # (reps, weeks, n) losses
    denominator: Floats  # (reps, weeks, n)
    limit: float
    cap_usd: float
    max_loss_usd: float
    shared_shock: bool = False
    once: bool = False
    window_weeks: int = 1

    def batch(self, rep: int, week: int, age_weeks: int = 0) -> Batch:
        """One week of one replication."""
        unit = np.arange(self.value.shape[2]) + (week * self.value.shape[2] if self.once else 0)
        return Batch(week, unit, 0, self.value[rep, week], self.denominator[rep, week], age_weeks=age_weeks)


@dataclass(frozen=True, eq=False)
class EventStream:
    """0/1 events of units that enter once; under the null each has one with probability at most `limit`."""

    null: str
    value: Floats  # (reps, weeks, n)
    limit: float

    def batch(self, rep: int, week: int) -> Batch:
        """One week of one replication."""
        n = self.value.shape[2]
        return Batch(week, np.arange(n) + week * n, 0, self.value[rep, week])


@dataclass(frozen=True, eq=False)
class AssignmentStream:
    """Groups of new units."""

    null: str
    value: Floats  # (reps, weeks, n) group codes
    shares: tuple[float, ...]

    def batch(self, rep: int, week: int) -> Batch:
        """One week of one replication."""
        n = self.value.shape[2]
        return Batch(week, np.arange(n) + week * n, self.value[rep, week].astype(np.int64), np.zeros(n))


Stream = MeanStream | RatioStream | EventStream | AssignmentStream
