"""The policy that another log followed, as a target for this one: the shares of its arms by what both logs know.

Shares are taken within cells of equal 0/1 covariates. A policy that learned while it was logged is thereby met at its
average over the log's time. The shares are then a fixed target: their own sampling error makes it another policy, not a
biased estimate of this one.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from experiments.estimators._log import numbers
from experiments.log_source import LogSource
from rage_env.errors import LogError
from rage_env.log import FEATURE_PREFIX

__all__ = ["shares_of", "with_policy_of"]

Floats = NDArray[np.float64]
MOST_CELLS = 64
LEAST_ROWS = 100
"""Rows of the other log in a cell, below which its shares would be noise."""


def with_policy_of(source: LogSource, other: LogSource) -> LogSource:
    """The same source, asked about one policy more: what `other` did. Raises LogError where the two do not fit."""
    if source.arms != other.arms:
        mine, its = (", ".join(log.arms[:5]) for log in (source, other))
        raise LogError(f"--as-in {other.name}: arms must be the same; it has {its} ..., this log {mine} ...")
    shares, cell = shares_of(other, source)
    return replace(source, others={**source.others, f"as in {other.name}": shares[cell]})


def shares_of(other: LogSource, here: LogSource) -> tuple[Floats, NDArray[np.int64]]:
    """(cells, k) shares of arms in the other log, and (n,) the cell of each row here."""
    names = [c for c in _flags(other.table) if c in here.table.column_names]
    for name in set(names) - set(_flags(here.table)):
        held = numbers(here.table, name)
        row = int(np.argmin(np.isin(held, (0.0, 1.0))))
        raise LogError(f"--as-in {other.name}: column {name}, row {row}: is 0 or 1 in that log, here it is {held[row]}")
    theirs, mine = (_keys(log.table, names) for log in (other, here))
    cells, code = np.unique(theirs, return_inverse=True)
    if len(cells) > MOST_CELLS:
        raise LogError(
            f"--as-in {other.name}: its covariates {names} make {len(cells)} cells; map at most six 0/1 columns of both"
        )
    arm = numbers(other.table, "arm").astype(np.int64)
    count = np.zeros((len(cells), len(other.arms)))
    np.add.at(count, (code, arm), 1.0)
    rows = count.sum(axis=1)
    if rows.min() < LEAST_ROWS:
        raise LogError(
            f"--as-in {other.name}: a cell of {names} holds {rows.min():.0f} of its rows; {LEAST_ROWS} are needed"
        )
    place = np.searchsorted(cells, mine).clip(max=len(cells) - 1)
    strange = cells[place] != mine
    if strange.any():
        raise LogError(f"--as-in {other.name}: row {int(strange.argmax())} here has covariates that it never met")
    return count / rows[:, None], place


def _flags(table: pa.Table) -> list[str]:
    """Names of the covariates that are 0 or 1 throughout."""
    wanted = (c for c in table.column_names if c.startswith(FEATURE_PREFIX))
    return [c for c in wanted if np.isin(numbers(table, c), (0.0, 1.0)).all()]


def _keys(table: pa.Table, names: list[str]) -> NDArray[np.int64]:
    """(n,) one number for each combination of 0/1 columns."""
    key = np.zeros(table.num_rows, np.int64)
    for bit, name in enumerate(names[:62]):
        key += numbers(table, name).astype(np.int64) << bit
    return key
