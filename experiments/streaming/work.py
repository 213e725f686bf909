"""What every block of a log is put through: nothing of it remembers anything, so it may happen anywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from experiments import reward_model
from experiments.estimators._log import Policy, Probs, View, numbers, outcome, rows_of
from experiments.estimators._sums import Parcel, parcel
from experiments.streaming.blocks import LogStream
from experiments.streaming.model import FoldLines, RidgeSums
from rage_env.errors import LogError
from rage_env.log import validate_log

if TYPE_CHECKING:
    from experiments.estimators._base import Estimator, Floats
    from experiments.estimators._recipe import Recipe

__all__ = ["FOLDS", "Fitting", "Policies", "Reading", "Summing", "Worked"]

FOLDS = 2
Policies = Callable[[pa.Table], Mapping[str, Probs]]
"""Rows of a log -> {policy: probabilities (n, k)}, the same names every time; row by row, for it is asked by block."""

Block = tuple[int, pa.Table]
"""Its first row in the log, and the rows."""


@dataclass(frozen=True, eq=False)
class Reading:
    """How a block is read. clusters: the column of units, numbered from first_unit; folds: by unit."""

    k: int
    clusters: str
    first_unit: int
    columns: tuple[str, ...]
    folds: NDArray[np.int64]

    @classmethod
    def of(cls, stream: LogStream, columns: tuple[str, ...]) -> Self:
        """Of this log, cross-fitting by unit."""
        ids = pa.chunked_array([pa.array(np.arange(stream.units.start, stream.units.stop))])
        folds = reward_model.folds_of(ids, FOLDS)
        return cls(len(stream.arms), stream.clusters, stream.units.start, columns, folds)

    def units(self, first: int, table: pa.Table) -> NDArray[np.int64]:
        """(n,) codes of the units, from 0. Raises LogError naming the row of the whole log that breaks a rule."""
        validate_log(table, k=self.k, first_row=first)
        return numbers(table, self.clusters).astype(np.int64) - self.first_unit


@dataclass(frozen=True, eq=False)
class Fitting:
    """What a block adds to the sums that the reward model is fitted from. centre: (d,) near the features' mean."""

    reading: Reading
    centre: Floats

    def __call__(self, block: Block) -> tuple[int, RidgeSums]:
        """(rows, sums of this block alone)."""
        first, table = block
        unit = self.reading.units(first, table)
        sums = self.empty()
        y = {c: outcome(table, c, first).astype(np.float64) for c in self.reading.columns}
        features = reward_model.features_of(table)
        sums.add(features, numbers(table, "arm").astype(np.int64), self.reading.folds[unit], y)
        return table.num_rows, sums

    def empty(self) -> RidgeSums:
        """Sums of no rows."""
        return RidgeSums(len(self.centre), self.reading.k, FOLDS, self.reading.columns, self.centre)


@dataclass(frozen=True, eq=False)
class Worked:
    """A block's terms, chunk by chunk, ready to be summed by unit."""

    first: int
    user: NDArray[np.int64]  # (n,)
    week: NDArray[np.int64]  # (n,)
    unit: NDArray[np.int64]  # (n,) codes from 0
    policies: tuple[str, ...]
    parcels: Sequence[tuple[slice, list[Parcel]]]
    deterministic: bool


@dataclass(frozen=True, eq=False)
class Summing:
    """What estimators make of a block."""

    reading: Reading
    policies: Policies
    estimators: Mapping[str, Estimator]
    lines: FoldLines | None

    def __call__(self, block: Block) -> Worked:
        """The block's terms. Raises LogError naming the row of the whole log."""
        with np.errstate(invalid="ignore", over="ignore"):
            return self._worked(*block)

    def _worked(self, first: int, table: pa.Table) -> Worked:
        columns, unit = self.reading.columns, self.reading.units(first, table)
        present = np.asarray(table["present"].to_numpy()) if "present" in table.column_names else None
        outcomes = {c: outcome(table, c, first) for c in columns}
        q = {}
        if self.lines is not None:
            features, fold = reward_model.features_of(table), self.reading.folds[unit]
            q = {c: self.lines.predict(c, features, fold) for c in columns}
        view = View(numbers(table, "arm"), numbers(table, "propensity"), present, outcomes, q)
        if view.withheld:
            raise LogError(f"rows from {first}: propensities are withheld; a streamed log must say them")
        named = {name: Policy(name, probs) for name, probs in self.policies(table).items()}
        ready: list[Mapping[Recipe, Floats]] = [{} for _ in range(len(named) * len(columns))]
        parcels = [
            (rows, [parcel(self.estimators, part) for part in parts])
            for rows, parts in rows_of(view, list(named.values()), columns, ready)
        ]
        user, week = (numbers(table, c).astype(np.int64) for c in ("user_id", "week"))
        return Worked(first, user, week, unit, tuple(named), parcels, view.deterministic)
