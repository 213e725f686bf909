"""The rules of a log that is one table, ours with everything joined or a foreign one: columns, ranges, single rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rage_env.errors import LogError
from rage_env.log_tables import PROB_PREFIX
from rage_env.outcomes import COLUMNS

__all__ = ["validate_log"]

_KEYS = ("user_id", "week", "arm", "propensity")


def validate_log(table: pa.Table, *, k: int | None = None) -> pa.Table:
    """The table itself if it is a valid log; LogError naming column, row and rule otherwise. k: number of arms.

    A log that withholds its propensities has the column, empty in every row.
    """
    missing = [c for c in (*_KEYS, "reward") if c not in table.column_names]
    if missing:
        raise LogError(f"log lacks the columns {missing}; it has {table.column_names}")
    if table.num_rows == 0:
        raise LogError("log has no rows")
    for problem in _problems(table, k):
        raise LogError(problem)
    return table


def _problems(table: pa.Table, k: int | None) -> Iterator[str]:
    def numbers(name: str) -> NDArray[np.float64]:
        try:
            return np.asarray(table[name].to_numpy(zero_copy_only=False), dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise LogError(f"column {name}: must hold numbers, got {table.schema.field(name).type}") from error

    def first(bad: NDArray[np.bool_], name: str, rule: str, held: NDArray[np.generic]) -> Iterator[str]:
        if bad.any():
            row = int(np.argmax(bad))
            yield f"column {name}, row {row}: {rule}; got {held[row]} ({int(bad.sum())} such rows)"

    p, arm, reward = numbers("propensity"), numbers("arm"), numbers("reward")
    withheld = bool(np.isnan(p).all())
    yield from first(~((p > 0) & (p <= 1)) & (not withheld), "propensity", "must lie in (0, 1]", p)
    yield from first(~((arm >= 0) & (arm == np.floor(arm))), "arm", "must be a whole number from 0", arm)
    if k is not None:
        yield from first(arm >= k, "arm", f"must be one of the {k} arms 0..{k - 1}", arm)
    yield from first(~np.isfinite(reward), "reward", "must be finite", reward)
    for name in table.column_names:
        if name in COLUMNS:
            held = numbers(name)
            yield from first(~np.isfinite(held), name, "must be finite", held)
    yield from _duplicates(table)
    names = [c for c in table.column_names if c.startswith(PROB_PREFIX)]
    if names and withheld:
        yield f"column propensity: is empty in every row, yet {', '.join(names)} stand there; leave out both or neither"
    elif names:
        probs = np.stack([numbers(c) for c in names], axis=1)
        yield from first(np.abs(probs.sum(axis=1) - 1) > 1e-4, "prob_*", "must sum to 1", probs.sum(axis=1))
        known = arm < len(names)
        taken = np.where(known, probs[np.arange(len(arm)), np.where(known, arm, 0).astype(np.int64)], p)
        yield from first(np.abs(taken - p) > 1e-5, "propensity", "must equal the prob_* entry of the arm taken", p)


def _each_once(table: pa.Table) -> bool:
    """Whether dense whole-number users and weeks stand there once each; False where that is not plain to see."""
    key = np.zeros(table.num_rows, np.int64)
    span = 1
    for name in ("user_id", "week"):
        if not pa.types.is_integer(table[name].type) or table[name].null_count:
            return False
        held = table[name].to_numpy()
        low, high = int(held.min()), int(held.max())
        span *= high - low + 1
        if span > 16 * table.num_rows:
            return False
        key = key * (high - low + 1) + (held.astype(np.int64, copy=False) - low)
    seen = np.zeros(span, np.bool_)
    seen[key] = True
    return bool(seen.sum() == table.num_rows)


def _duplicates(table: pa.Table) -> Iterator[str]:
    if _each_once(table):
        return
    counts = table.group_by(["user_id", "week"]).aggregate([([], "count_all")])
    twice = np.asarray(counts["count_all"].to_numpy()) > 1
    if twice.any():
        row = int(np.argmax(twice))
        yield (
            f"user {counts['user_id'][row].as_py()} has {counts['count_all'][row].as_py()} rows "
            f"in week {counts['week'][row].as_py()}; a log holds one row per user and week"
        )
