"""Many replications of one stream of weeks, in the shape that monitors rehearse on: replications x weeks x users."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.monitors.batch import Batch

__all__ = [
    "AssignmentStream",
    "BoundedStream",
    "EventStream",
    "InputStream",
    "LoggedStream",
    "MeanStream",
    "RatioStream",
    "Stream",
]

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
    """0/1 events; under the null each unit has one with probability at most `limit`, and groups do not differ.

    standing: the same units every week, each with a risk of its own; else every week brings new ones.
    """

    null: str
    value: Floats  # (reps, weeks, n)
    limit: float
    group: NDArray[np.int64] | None = None  # (n,) codes, 0 is control
    standing: bool = False

    def batch(self, rep: int, week: int) -> Batch:
        """One week of one replication."""
        n = self.value.shape[2]
        unit = np.arange(n) + (0 if self.standing else week * n)
        return Batch(week, unit, 0 if self.group is None else self.group, self.value[rep, week])


@dataclass(frozen=True, eq=False)
class BoundedStream:
    """Outcomes in [0, 1] of units that enter once, with their total over a window; the mean is at most `limit`."""

    null: str
    value: Floats  # (reps, weeks, n)
    limit: float

    def batch(self, rep: int, week: int) -> Batch:
        """One week of one replication."""
        n = self.value.shape[2]
        return Batch(week, np.arange(n) + week * n, 0, self.value[rep, week])


@dataclass(frozen=True, eq=False)
class InputStream:
    """A feature or score; the first week is the reference. standing: the same units every week."""

    null: str
    value: Floats  # (reps, weeks, n)
    edges: tuple[float, ...]  # thresholds declared before
    standing: bool = False

    def batch(self, rep: int, week: int) -> Batch:
        """One week of one replication."""
        n = self.value.shape[2]
        return Batch(week, np.arange(n) + (0 if self.standing else week * n), 0, self.value[rep, week])


@dataclass(frozen=True, eq=False)
class LoggedStream:
    """Rewards in [0, 1] of an agent's own draws between two arms, every user's chances set by the weeks before.

    Under the null the arms do not differ, draws follow the logged chances, and a policy that draws arm 1 with
    probability `target` earns `limit` on average over users, given the past.
    """

    null: str
    value: Floats  # (reps, weeks, n)
    arm: NDArray[np.int64]  # (reps, weeks, n) 0 or 1
    chance: Floats  # (reps, weeks) logged probability of arm 1
    limit: float
    target: float = 0.8
    predicted: Floats | None = None  # (reps, n) outcome expected of a user, before the draw

    def weight(self) -> Floats:
        """(reps, weeks, n) probability of the arm drawn under the policy, over the logged one."""
        drawn = self.arm == 1
        up, down = self.target / self.chance, (1 - self.target) / (1 - self.chance)
        return np.asarray(np.where(drawn, up[..., None], down[..., None]), np.float64)

    def batch(self, rep: int, week: int) -> Batch:
        """One week of one replication."""
        arm, p, n = self.arm[rep, week], self.chance[rep, week], self.value.shape[2]
        expected = None if self.predicted is None else self.predicted[rep]
        return Batch(
            week,
            np.arange(n),
            arm,
            self.value[rep, week],
            covariate=expected,
            propensity=np.where(arm == 1, p, 1 - p),
            probs=np.tile([1 - p, p], (n, 1)),
            target=np.where(arm == 1, self.target, 1 - self.target),
            predicted=expected,
            predicted_target=expected,
        )


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


Stream = MeanStream | RatioStream | EventStream | BoundedStream | InputStream | LoggedStream | AssignmentStream
