"""Scores of an arm against another, row by row, and what users' scores add up to."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from experiments.monitors.contrast import Contrast
from rage_env.errors import LogError

__all__ = ["Rows", "ScoreBook", "freedom", "scores"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Rows:
    """One week of logged decisions; arm: 1 treatment, 0 control, -1 another arm."""

    week: int
    unit: Ints  # (n,)
    arm: Ints  # (n,)
    value: Floats  # (n,)
    propensity: Floats  # (n,) of the arm drawn
    expected: Floats  # (n,) before the draw

    def __add__(self, other: Rows) -> Rows:
        shared = np.intersect1d(self.unit, other.unit)
        if len(shared):
            raise LogError(f"arm_effect: unit {shared[0]} is in both shards; every unit belongs to one shard")
        mine, theirs = (dataclasses.astuple(r)[1:] for r in (self, other))
        joined = (np.concatenate(pair) for pair in zip(mine, theirs, strict=True))
        return Rows(self.week, *joined)

    def table(self) -> Floats:
        """(n, 6) as plain numbers; unit ids under 2^53."""
        week = np.full(len(self.unit), self.week)
        return np.column_stack([week, self.unit, self.arm, self.value, self.propensity, self.expected]).astype(
            np.float64
        )

    @classmethod
    def of(cls, table: Floats) -> Self:
        """Inverse of table."""
        week, unit, arm, value, propensity, expected = table.T
        return cls(int(week[0]), unit.astype(np.int64), arm.astype(np.int64), value, propensity, expected)


@dataclass(frozen=True, eq=False)
class ScoreBook:
    """Sums of scores by user, and the weighted means of each arm's residuals so far, from which the next week's q."""

    unit: Ints = field(default_factory=lambda: np.empty(0, np.int64))  # (m,) sorted
    sums: Floats = field(default_factory=lambda: np.empty(0))  # (m,)
    counts: Floats = field(default_factory=lambda: np.empty(0))  # (m,) scored rows
    weight: Floats = field(default_factory=lambda: np.zeros(2))  # of control and treatment
    weighted: Floats = field(default_factory=lambda: np.zeros(2))
    begun: bool = False

    @property
    def rows(self) -> int:
        """Rows scored."""
        return int(self.counts.sum())

    @property
    def total(self) -> float:
        """Sum of all scores."""
        return float(self.sums.sum())

    @property
    def off(self) -> Floats:
        """(m,) users' sums, each less its rows' share of the total."""
        return np.asarray(self.sums - self.counts * (self.total / max(self.rows, 1)), np.float64)

    @property
    def variance(self) -> float:
        """Of the total."""
        return float(self.off @ self.off)

    @property
    def contrast(self) -> Contrast:
        """The total of all scores, against the spread of users' sums."""
        return Contrast(np.array(self.total), self.off, freedom(self.off))

    def with_week(self, rows: Rows) -> ScoreBook:
        """The book after one more week; the first week is not scored."""
        residual = rows.value - rows.expected
        book = self._scored(rows, residual) if self.begun else self
        drawn = np.stack([rows.arm == 0, rows.arm == 1]) / rows.propensity
        return dataclasses.replace(
            book, weight=self.weight + drawn.sum(axis=1), weighted=self.weighted + drawn @ residual, begun=True
        )

    def _scored(self, rows: Rows, residual: Floats) -> ScoreBook:
        q = self.weighted / np.maximum(self.weight, 1e-300)
        score = _score(residual, rows.arm, rows.propensity, q[0], q[1])
        unit = np.union1d(self.unit, rows.unit)
        sums, counts = np.zeros(len(unit)), np.zeros(len(unit))
        was, now = np.searchsorted(unit, self.unit), np.searchsorted(unit, rows.unit)
        sums[was], counts[was] = self.sums, self.counts
        sums[now] += score
        counts[now] += 1
        return dataclasses.replace(self, unit=unit, sums=sums, counts=counts)


def freedom(off: Floats) -> Floats:
    """(...) degrees of freedom of the variance of deviations (..., m): 2 m / (kurtosis - 1), at most m - 1.

    Satterthwaite (1946): those of the chi-squared law with the same relative spread.
    """
    m, square = off.shape[-1], off * off
    kurtosis = m * (square * square).sum(axis=-1) / np.maximum(square.sum(axis=-1) ** 2, 1e-300)
    return np.asarray(np.minimum(2 * m / np.maximum(kurtosis - 1, 1e-9), m - 1), np.float64)


def scores(residual: Floats, arm: Ints, propensity: Floats) -> Floats:
    """(reps, weeks, n) scores of a closed cohort, the first week's at 0. All arguments (reps, weeks, n)."""
    q = []
    for code in (0, 1):
        drawn = (arm == code) / propensity
        weight, weighted = (np.cumsum(x.sum(axis=2), axis=1) for x in (drawn, drawn * residual))
        mean = weighted / np.maximum(weight, 1e-300)
        q.append(np.concatenate([np.zeros((len(mean), 1)), mean[:, :-1]], axis=1)[..., None])
    score = _score(residual, arm, propensity, q[0], q[1])
    score[:, 0] = 0.0
    return score


def _score(residual: Floats, arm: Ints, p: Floats, q0: Floats | np.float64, q1: Floats | np.float64) -> Floats:
    up, down = (arm == 1) * (residual - q1), (arm == 0) * (residual - q0)
    return np.asarray(q1 - q0 + (up - down) / p, np.float64)
