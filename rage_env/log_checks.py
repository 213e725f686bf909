"""The rules of a log that is one table, ours with everything joined or a foreign one: columns, ranges, single rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rage_env.errors import LogError
from rage_env.log_duplicates import repeated, word_of_repeats
from rage_env.log_tables import FEATURE_PREFIX, PROB_PREFIX
from rage_env.outcomes import COLUMNS

__all__ = ["Dropped", "drop_invalid", "validate_log"]

_KEYS = ("user_id", "week", "arm", "propensity")


@dataclass(frozen=True, eq=False)
class Dropped:
    """What a log lost to `drop_invalid`."""

    rows: int
    of: int
    counts: dict[str, int]  # {"column: rule": rows that break it}; a row may break several

    def __str__(self) -> str:
        told = "; ".join(f"{rule}: {count:,}" for rule, count in self.counts.items())
        return f"dropped {self.rows:,} of {self.of:,} rows" + (f" ({told})" if told else "")


@dataclass(frozen=True, eq=False)
class _Breach:
    """A rule with the rows that break it."""

    column: str
    rule: str
    bad: NDArray[np.bool_]  # (n,)
    got: str  # the value, and how many such rows there are

    def words(self, first_row: int) -> str:
        """The message, naming column, row, rule and value."""
        many = "columns" if "," in self.column else "column"
        return f"{many} {self.column}, row {first_row + int(np.argmax(self.bad))}: {self.rule}; {self.got}"


def validate_log(table: pa.Table, *, k: int | None = None, first_row: int = 0) -> pa.Table:
    """The table itself if it is a valid log; LogError naming column, row, value and rule otherwise. k: number of arms.

    A log that withholds its propensities has the column, empty in every row. first_row: where the table stands in the
    log that it is a stretch of, for messages.
    """
    _whole(table)
    for breach in _breaches(table, k):
        raise LogError(breach.words(first_row))
    return table


def drop_invalid(table: pa.Table, *, k: int | None = None) -> tuple[pa.Table, Dropped]:
    """The rows that break no rule, and what was dropped; of a user's repeated week every row goes.

    Raises LogError for what is wrong with the table as a whole, and where no row is left.
    """
    _whole(table)
    keep = np.ones(table.num_rows, np.bool_)
    counts: dict[str, int] = {}
    for breach in _breaches(table, k):
        counts[f"{breach.column}: {breach.rule}"] = int(breach.bad.sum())
        keep &= ~breach.bad
    dropped = Dropped(int((~keep).sum()), table.num_rows, counts)
    if not keep.any():
        raise LogError(f"log: no row keeps every rule; {dropped}")
    return (table.filter(pa.array(keep)) if dropped.rows else table), dropped


def _whole(table: pa.Table) -> None:
    """Raise LogError for what no dropping of rows can mend."""
    missing = [c for c in (*_KEYS, "reward") if c not in table.column_names]
    if missing:
        raise LogError(f"log lacks the columns {missing}; it has {table.column_names}")
    if table.num_rows == 0:
        raise LogError("log has no rows")
    twice = sorted({c for c in table.column_names if table.column_names.count(c) > 1})
    if twice:
        raise LogError(f"log has the columns {twice} more than once; keep one of each")
    if "present" in table.column_names:
        held = table["present"]
        if not pa.types.is_boolean(held.type) or held.null_count:
            empty = f" with {held.null_count} empty rows" if held.null_count else ""
            raise LogError(f"column present: must hold true or false in every row, holds {held.type}{empty}")
    names = _prob_names(table)
    if names and _withheld(table):
        raise LogError(
            f"column propensity: is empty in every row, yet {', '.join(names)} stand there; leave out both or neither"
        )


def _prob_names(table: pa.Table) -> list[str]:
    return [c for c in table.column_names if c.startswith(PROB_PREFIX)]


def _withheld(table: pa.Table) -> bool:
    return bool(np.isnan(_numbers(table, "propensity")).all())


def _numbers(table: pa.Table, name: str) -> NDArray[np.float64]:
    try:
        return np.asarray(table[name].to_numpy(zero_copy_only=False), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise LogError(f"column {name}: must hold numbers, got {table.schema.field(name).type}") from error


def _breaches(table: pa.Table, k: int | None) -> Iterator[_Breach]:
    p, arm, reward = (_numbers(table, name) for name in ("propensity", "arm", "reward"))
    withheld = bool(np.isnan(p[0])) and bool(np.isnan(p).all())
    if not (withheld or (p.min() > 0 and p.max() <= 1)):  # nan, too, is neither
        yield from _broken("propensity", "must lie in (0, 1]", ~((p > 0) & (p <= 1)), p)
    if not (_whole_numbers(table, "arm") and arm.min() >= 0):
        yield from _broken("arm", "must be a whole number from 0", ~((arm >= 0) & (arm == np.floor(arm))), arm)
    if k is not None and not arm.max() < k:
        yield from _broken("arm", f"must be one of the {k} arms 0..{k - 1}", arm >= k, arm)
    yield from _infinite("reward", reward)
    for name in table.column_names:
        if name in COLUMNS or name.startswith(FEATURE_PREFIX):
            yield from _infinite(name, _numbers(table, name))
    yield from _keys(table)
    yield from _probabilities(table, arm, p)


def _whole_numbers(table: pa.Table, name: str) -> bool:
    return bool(pa.types.is_integer(table[name].type)) and not table[name].null_count


def _infinite(column: str, held: NDArray[np.float64]) -> Iterator[_Breach]:
    """A finite sum has finite terms only, and is quicker than looking at each."""
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(held.sum()):
            return
    yield from _broken(column, "must be finite", ~np.isfinite(held), held)


def _broken(column: str, rule: str, bad: NDArray[np.bool_], held: NDArray[np.generic]) -> Iterator[_Breach]:
    if bad.any():
        yield _Breach(column, rule, bad, f"got {held[int(np.argmax(bad))]} ({int(bad.sum())} such rows)")


def _keys(table: pa.Table) -> Iterator[_Breach]:
    for name in ("user_id", "week"):
        if table[name].null_count:
            empty = np.asarray(table[name].is_null().to_numpy(zero_copy_only=False))
            yield from _broken(name, "must not be empty", empty, np.full(len(empty), None))
    twice = repeated(table)
    if twice is not None:
        yield _Breach("user_id, week", "a log holds one row per user and week", twice, word_of_repeats(table, twice))


def _probabilities(table: pa.Table, arm: NDArray[np.float64], p: NDArray[np.float64]) -> Iterator[_Breach]:
    names = _prob_names(table)
    if not names:
        return
    probs = np.stack([_numbers(table, c) for c in names], axis=1)
    for name, held in zip(names, probs.T, strict=True):
        yield from _broken(name, "must lie in [0, 1]", ~((held >= 0) & (held <= 1 + 1e-4)), held)
    total = probs.sum(axis=1)
    yield from _broken("prob_*", "must sum to 1", ~(np.abs(total - 1) <= 1e-4), total)
    known = (arm >= 0) & (arm < len(names))
    taken = np.where(known, probs[np.arange(len(arm)), np.where(known, arm, 0).astype(np.int64)], p)
    off = ~(np.abs(taken - p) <= 1e-5)
    yield from _broken("propensity", "must equal the prob_* entry of the arm taken", off, p)
