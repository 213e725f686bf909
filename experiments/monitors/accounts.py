"""Units with several rows a week, such as the users of an account: summed before anything is tested."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from experiments.monitors.batch import Batch
from rage_env.errors import LogError

__all__ = ["one_row_a_unit", "unit_rows"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def unit_rows(batch: Batch, rows_per_unit: int) -> tuple[Ints, Ints]:
    """Units (m,), sorted, and for each row (n,) the place of its unit. Raises LogError where one has too many rows."""
    units, place, rows = np.unique(batch.unit, return_inverse=True, return_counts=True)
    if rows.max() > rows_per_unit:
        unit = units[rows.argmax()]
        row = int(np.flatnonzero(batch.unit == unit)[rows_per_unit])
        raise LogError(
            f"batch of week {batch.week}, row {row}: unit {unit} has {rows.max()} rows, declared are "
            f"{rows_per_unit}; set rows_per_unit for accounts"
        )
    return units, place


def one_row_a_unit(batch: Batch, rows_per_unit: int) -> tuple[Batch, Floats]:
    """The batch with values and denominators summed by unit, covariates averaged; and the rows of each unit.

    Raises LogError for a unit with too many rows, or with rows in two groups.
    """
    if not len(batch.repeated()):
        return batch, np.ones(batch.n)
    units, place = unit_rows(batch, rows_per_unit)
    groups = np.zeros(len(units), np.int64)
    groups[place] = batch.groups()
    batch.refuse(batch.groups() != groups[place], "group", "must be one for all rows of a unit, it is in two groups")
    rows = np.bincount(place).astype(np.float64)

    def summed(column: Floats | None) -> Floats | None:
        return None if column is None else np.asarray(np.bincount(place, column), np.float64)

    covariate = summed(batch.covariate)
    covariate = None if covariate is None else covariate / rows
    total = np.asarray(np.bincount(place, batch.value), np.float64)
    rest = (summed(batch.denominator), covariate, None)
    return Batch(batch.week, units, groups, total, *rest, batch.age_weeks, batch.covariate_week), rows
