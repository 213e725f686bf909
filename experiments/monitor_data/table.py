"""A CSV or Parquet file as weeks: columns found, gaps named, every unit's rows in order of time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from experiments.foreign_log import numbers_of, read_table
from experiments.monitor_data.clock import Clock
from experiments.monitor_data.declaration import Declaration
from experiments.monitor_data.rows import Floats, Ints, Units, WeekRows
from rage_env.errors import InputError, LogError, did_you_mean

__all__ = ["ForeignTable", "read_weeks"]


@dataclass(frozen=True, eq=False)
class ForeignTable:
    """A file that was read: its rows by week, and what its units are called."""

    units: Units
    clock: Clock
    rows: WeekRows  # of all weeks, in the order of the file
    week: Ints  # (n,)

    @property
    def weeks(self) -> int:
        """From the first to the last, both counted."""
        return int(self.week.max() - self.week.min()) + 1

    def __iter__(self) -> Iterator[WeekRows]:
        """Week after week."""
        order = np.argsort(self.week, kind="stable")
        for rows in np.split(order, np.flatnonzero(np.diff(self.week[order])) + 1):
            held = self.rows
            yield WeekRows(
                week=int(self.week[rows[0]]),
                place=held.place[rows],
                unit=held.unit[rows],
                group=held.group[rows],
                groups=held.groups,
                value=held.value[rows],
                denominator=None if held.denominator is None else held.denominator[rows],
                covariate=None if held.covariate is None else held.covariate[rows],
            )


def read_weeks(path: Path, declared: Declaration) -> ForeignTable:
    """The file as weeks. Raises LogError naming what is missing, and unit and row of what is out of order."""
    raw = _opened(path)
    _check_columns(raw, path, declared)
    units, unit = _units(_full(raw, declared.unit, "unit"))
    clock = Clock()
    week = clock.weeks(_full(raw, declared.time, "time", unit, units), declared.time)
    held = _words(_full(raw, declared.group, "group", unit, units), "group")
    _full(raw, declared.metric, "metric", unit, units)
    rows = WeekRows(
        week=0,
        place=np.arange(raw.num_rows),
        unit=unit,
        group=np.asarray(held.indices.to_numpy(zero_copy_only=False), np.int64),
        groups=tuple(str(g) for g in held.dictionary.to_pylist()),
        value=numbers_of(raw, declared.metric, "metric"),
        denominator=_optional(raw, declared.denominator, "denominator"),
        covariate=_optional(raw, declared.covariate, "covariate"),
    )
    _check_time(rows, week, units)
    return ForeignTable(units, clock, rows, week)


def _opened(path: Path) -> pa.Table:
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "no such file"
        raise InputError(f"{path}: {what}; give a CSV or Parquet file, or - for JSON lines on standard input")
    try:
        return read_table(path)
    except (UnicodeDecodeError, pa.ArrowException) as error:
        raise LogError(f"{path}: cannot be read as {path.suffix.lstrip('.') or 'CSV'}: {error}") from error


def _check_columns(raw: pa.Table, path: Path, declared: Declaration) -> None:
    names = raw.column_names
    problems = [
        f"{role}: the file has no column {column!r}{did_you_mean(column, names)}"
        for role, column in declared.columns.items()
        if column not in names
    ]
    problems += [
        f"{role}: the file has {names.count(column)} columns called {column!r}; rename all but one"
        for role, column in declared.columns.items()
        if names.count(column) > 1
    ]
    if problems:
        raise LogError("\n".join([*problems, f"{path} has the columns {', '.join(names) or '(none)'}"]))
    if raw.num_rows == 0:
        raise LogError(f"{path}: holds no rows below its header; nothing can be compared")


def _full(raw: pa.Table, name: str, role: str, unit: Ints | None = None, units: Units | None = None) -> pa.ChunkedArray:
    """A column without gaps. Raises LogError naming row and, where it is known, unit of the first."""
    held = raw[name]
    if held.null_count:
        row = int(np.argmax(held.is_null().to_numpy(zero_copy_only=False)))
        whose = "" if unit is None or units is None else f" (unit {units.name(int(unit[row]))})"
        raise LogError(
            f"column {name} ({role}), row {row}{whose}: must not be empty ({held.null_count} such rows); fill or drop "
            "them"
        )
    return held


def _units(held: pa.ChunkedArray) -> tuple[Units, Ints]:
    if pa.types.is_integer(held.type) and held.type != pa.uint64():
        return Units(numbers=True), np.asarray(held.cast(pa.int64()).to_numpy(), np.int64)
    words = _words(held, "unit")
    names = [str(w) for w in words.dictionary.to_pylist()]
    codes = np.asarray(words.indices.to_numpy(zero_copy_only=False), np.int64)
    return Units(names), codes


def _words(held: pa.ChunkedArray, role: str) -> pa.DictionaryArray:
    try:
        return pc.dictionary_encode(held.cast(pa.string()).combine_chunks())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise LogError(f"{role}: a column of {held.type} names nothing; give whole numbers or words") from error


def _optional(raw: pa.Table, name: str | None, role: str) -> Floats | None:
    """(n,) with NaN for gaps."""
    if name is None:
        return None
    try:
        held = raw[name].cast(pa.float64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise LogError(f"column {name} ({role}): must hold numbers, got {raw[name].type}") from error
    return np.asarray(held.to_numpy(), np.float64)


def _check_time(rows: WeekRows, week: Ints, units: Units) -> None:
    order = np.argsort(rows.unit, kind="stable")
    back = (np.diff(rows.unit[order]) == 0) & (np.diff(week[order]) < 0)
    if back.any():
        i = int(order[1:][back].min())
        before = order[np.flatnonzero(order == i)[0] - 1]
        raise LogError(
            f"row {i} (unit {units.name(int(rows.unit[i]))}): week {week[i]} comes after week {week[before]} of row "
            f"{before}; time runs backwards: sort the file by time"
        )
