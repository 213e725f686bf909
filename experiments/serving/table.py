"""Columns of a request as numbers; the first cell that is none is named by column and row."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rage_env.errors import LogError

__all__ = ["number", "numbers", "refuse", "wholes"]

_MOST_WHOLE = 2**53
"""Beyond it, whole numbers are rounded on their way through JSON."""


def number(cell: object) -> float | None:
    """The cell as a number, None where it is none: text, nothing, a flag, NaN, infinity or a nested value."""
    if isinstance(cell, bool | np.bool_) or not isinstance(cell, int | float | np.number):
        return None
    value = float(cell)
    return value if math.isfinite(value) else None


def numbers(table: pd.DataFrame, name: str) -> NDArray[np.float64]:
    """(n,) finite numbers that float32 can hold. Raises LogError naming the first cell that is none."""
    column = table[name]
    if column.dtype.kind in "iuf":
        found = np.asarray(column, dtype=np.float64)
    else:
        cells = [number(cell) for cell in column.tolist()]
        found = np.array([math.nan if cell is None else cell for cell in cells])
    refuse(table, name, ~(np.abs(found) <= np.finfo(np.float32).max), "must be a finite number")
    return found


def wholes(table: pd.DataFrame, name: str) -> NDArray[np.int64]:
    """(n,) whole numbers from 0 on. Raises LogError naming the first cell that is none."""
    found = numbers(table, name)
    bad = (found != np.floor(found)) | (found < 0) | (found > _MOST_WHOLE)
    refuse(table, name, bad, f"must be a whole number from 0 to {_MOST_WHOLE}")
    return found.astype(np.int64)


def refuse(table: pd.DataFrame, name: str, bad: NDArray[np.bool_], rule: str) -> None:
    """Raise LogError for the first row where `bad` holds."""
    if not bad.any():
        return
    row = int(np.argmax(bad))
    others = int(bad.sum()) - 1
    more = f"; {others} rows more break the same rule" if others else ""
    raise LogError(f"request: column {name!r}, row {row}: {rule}, is {table[name].tolist()[row]!r}{more}")
