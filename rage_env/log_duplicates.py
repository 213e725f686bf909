"""A log holds one row per user and week: which rows break that."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

__all__ = ["repeated", "word_of_repeats"]


def repeated(table: pa.Table) -> NDArray[np.bool_] | None:
    """(n,) every row of a user and week that stand there more than once; None where each stands there once."""
    if _each_once(table):
        return None
    counts = table.group_by(["user_id", "week"]).aggregate([([], "count_all")])
    if pc.max(counts["count_all"]).as_py() < 2:
        return None
    rows = table.select(["user_id", "week"]).append_column("row", pa.array(np.arange(table.num_rows)))
    many = counts.filter(pc.greater(counts["count_all"], 1)).drop_columns("count_all")
    out = np.zeros(table.num_rows, np.bool_)
    out[rows.join(many, ["user_id", "week"], join_type="inner")["row"].to_numpy()] = True
    out |= _empty(table)  # a join passes over what has no key
    return out


def word_of_repeats(table: pa.Table, rows: NDArray[np.bool_]) -> str:
    """The first such user and week, and how often they stand there."""
    counts = table.filter(pa.array(rows)).group_by(["user_id", "week"]).aggregate([([], "count_all")])
    row = int(np.argmax(np.asarray(counts["count_all"].to_numpy())))
    user, week, count = (counts[c][row].as_py() for c in ("user_id", "week", "count_all"))
    return f"user {user} has {count} rows in week {week}"


def _empty(table: pa.Table) -> NDArray[np.bool_]:
    either = pc.or_(table["user_id"].is_null(), table["week"].is_null())
    return np.asarray(either.to_numpy(zero_copy_only=False), dtype=np.bool_)


def _each_once(table: pa.Table) -> bool:
    """Whether dense whole-number users and weeks stand there once each; False where that is not plain to see."""
    key, span = np.zeros(1, np.int64), 1
    for name in ("week", "user_id"):  # neighbours in a log stay neighbours among the keys
        if not pa.types.is_integer(table[name].type) or table[name].null_count:
            return False
        held = table[name].to_numpy()
        low, high = int(held.min()), int(held.max())
        width = high - low + 1
        span *= width
        if span > 16 * table.num_rows:
            return False
        if len(key) == 1:
            key = held.astype(np.int64)
        else:
            key *= width
            key += held
        key -= low
    seen = np.zeros(span, np.bool_)
    seen[key] = True
    return bool(np.count_nonzero(seen) == table.num_rows)
