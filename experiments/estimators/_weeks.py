"""Weeks in order of time, whatever a log calls them: numbers, dates, or either as text; other words have no order."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rage_env.errors import LogError

__all__ = ["week_codes"]


def week_codes(table: pa.Table) -> NDArray[np.int64]:
    """(n,) codes of the `week` column that rise with time. Raises LogError for words that no calendar knows."""
    held = table["week"]
    if pa.types.is_integer(held.type):
        return np.asarray(held.to_numpy()).astype(np.int64)
    if pa.types.is_dictionary(held.type):
        held = held.cast(held.type.value_type)
    if pa.types.is_string(held.type) or pa.types.is_large_string(held.type):
        held = _read(held)
    return np.unique(held.to_numpy(zero_copy_only=False), return_inverse=True)[1].astype(np.int64)


def _read(words: pa.ChunkedArray) -> pa.ChunkedArray:
    for kind in (pa.float64(), pa.timestamp("s")):
        try:
            return words.cast(kind)
        except pa.ArrowInvalid:
            continue
    raise LogError(
        f"column week, row 0: {words[0].as_py()!r} has no place in time; number the weeks, or write dates as 2026-03-31"
    )
