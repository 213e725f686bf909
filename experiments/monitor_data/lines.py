"""JSON lines as weeks: one record a unit-week, or one a batch with lists in place of values.

A week is whole when a record of a later one comes, or when the input ends.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from experiments.monitor_data.clock import Clock
from experiments.monitor_data.declaration import Declaration
from experiments.monitor_data.rows import Floats, Units, WeekRows
from rage_env.errors import LogError, did_you_mean

__all__ = ["weeks_of"]

Record = Mapping[str, object]
Row = tuple[int, int, str, float, float, float]  # line, unit, group, metric, denominator, covariate


def weeks_of(
    lines: Iterable[str], declared: Declaration, units: Units, clock: Clock, after: int | None = None
) -> Iterator[WeekRows]:
    """Closed weeks. after: the last week that was closed before. Raises LogError naming line, unit and rule."""
    open_week, rows = None, list[Row]()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"line {number}"
        record = _record(line, where)
        for column in declared.columns.values():
            if column not in record and column != declared.covariate:
                known = ", ".join(record) or "(none)"
                raise LogError(
                    f"{where}: has no {column!r}{did_you_mean(column, record)} It has {known}; a mapping says which "
                    "key plays which role"
                )
        week = clock.week(record[declared.time], f"{where}, {declared.time} (time)")
        read = list(_rows(record, declared, units, number))
        newest = open_week if open_week is not None else after
        if newest is not None and (week < newest or (open_week is None and week == newest)):
            closed = "is closed" if after is not None and week <= after else "is over"
            raise LogError(
                f"{where} (unit {units.name(read[0][1])}): week {week} comes after week {newest}; time runs backwards, "
                f"week {week} {closed}: send weeks in order"
            )
        if open_week is not None and week > open_week:
            yield _week(open_week, rows, declared)
            rows = []
        open_week = week
        rows += read
    if open_week is not None:
        yield _week(open_week, rows, declared)


def _record(line: str, where: str) -> Record:
    try:
        record = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        raise LogError(f"{where}: is no JSON ({error}); send one object a line") from error
    if not isinstance(record, dict):
        raise LogError(f"{where}: must be an object with keys, got {type(record).__name__}")
    return record


def _rows(record: Record, declared: Declaration, units: Units, number: int) -> Iterator[Row]:
    """The one row of a record, or the rows of a batch."""
    held = {role: record.get(column) for role, column in declared.columns.items() if role != "time"}
    n = {len(v) for v in held.values() if isinstance(v, list)}
    if not n:
        yield _row(held, declared, units, number)
        return
    if len(n) > 1 or not isinstance(held["unit"], list):
        sizes = ", ".join(f"{r} {len(v) if isinstance(v, list) else 'single'}" for r, v in held.items())
        raise LogError(f"line {number}: lists of a batch must be of one length, units among them; got {sizes}")
    if n == {0}:
        raise LogError(f"line {number}: is a batch without rows; leave the line out")
    for i in range(n.pop()):
        one = {role: value[i] if isinstance(value, list) else value for role, value in held.items()}
        yield _row(one, declared, units, number)


def _row(held: Mapping[str, object], declared: Declaration, units: Units, number: int) -> Row:
    unit, group = held["unit"], held["group"]
    where = f"line {number} (unit {unit})"
    if isinstance(unit, bool) or not isinstance(unit, int | str) or not _alike(unit, units):
        raise LogError(f"line {number}: {declared.unit} must be a whole number or a word, in all lines; got {unit!r}")
    if isinstance(group, bool) or not isinstance(group, int | str):
        raise LogError(f"{where}: {declared.group} must be a whole number or a word, got {group!r}")

    def figure(role: str) -> float:
        return _figure(held.get(role), role, str(declared.columns.get(role)), where)

    return number, units.code(unit), str(group), figure("metric"), figure("denominator"), figure("covariate")


def _alike(unit: int | str, units: Units) -> bool:
    if isinstance(unit, int):
        return not units.words and abs(unit) < 2**63
    return bool(units.words) or not units.numbers


def _figure(value: object, role: str, column: str, where: str) -> float:
    if value is None:
        if role == "metric":
            raise LogError(f"{where}: {column} (metric) must not be empty; send 0 for nothing")
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise LogError(f"{where}: {column} ({role}) must be a number, got {value!r}")
    try:
        return float(value)
    except OverflowError:
        raise LogError(
            f"{where}: {column} ({role}) must be a finite number, got one of {len(str(value))} digits"
        ) from None


def _week(week: int, rows: list[Row], declared: Declaration) -> WeekRows:
    line, unit, group, metric, size, covariate = zip(*rows, strict=True)
    names = tuple(sorted(set(group)))
    code = {name: i for i, name in enumerate(names)}

    def column(values: Iterable[float], wanted: str | None) -> Floats | None:
        return None if wanted is None else np.array(list(values), np.float64)

    return WeekRows(
        week=week,
        place=np.array(line, np.int64),
        unit=np.array(unit, np.int64),
        group=np.array([code[g] for g in group], np.int64),
        groups=names,
        value=np.array(metric, np.float64),
        denominator=column(size, declared.denominator),
        covariate=column(covariate, declared.covariate),
        counted="line",
    )
