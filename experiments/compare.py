"""Finds the first number in which two files of one kind differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from experiments import storage

__all__ = ["changes", "first_difference"]


def first_difference(was: Path, now: Path) -> str | None:
    """`column C, row R: 1.0 -> 2.0`, with how many numbers differ; None where all are the same. Parquet and JSON."""
    if was.suffix == ".json":
        return next(changes(storage.read_json(was), storage.read_json(now)), None)
    return _in_tables(storage.read_table(was), storage.read_table(now))


def _in_tables(was: pd.DataFrame, now: pd.DataFrame) -> str | None:
    gone = [c for c in was.columns if c not in now.columns]
    new = [c for c in now.columns if c not in was.columns]
    if gone or new:
        return f"columns missing {gone}, new {new}"
    if len(was) != len(now):
        return f"{len(was)} rows -> {len(now)} rows"
    for column in was.columns:
        old, fresh = _values(was[column]), _values(now[column])
        differs = np.asarray(~((old == fresh) | (old.isna() & fresh.isna())), bool)
        if differs.any():
            row = int(np.argmax(differs))
            more = f" ({int(differs.sum())} of {len(differs)} rows{_size(old[differs], fresh[differs])})"
            return f"column {column}, row {row}: {old.iloc[row]} -> {fresh.iloc[row]}{more}"
    return None


def _values(held: pd.Series) -> pd.Series:
    """The column as values that can be compared one by one: categories as what they stand for, arrays as lists."""
    if isinstance(held.dtype, pd.CategoricalDtype):
        held = held.astype(object)
    return held.map(_as_list) if held.dtype == object else held


def _as_list(value: object) -> object:
    if isinstance(value, np.ndarray):
        return [_as_list(inner) for inner in value.tolist()]
    return {key: _as_list(inner) for key, inner in value.items()} if isinstance(value, dict) else value


def _size(old: pd.Series, fresh: pd.Series) -> str:
    if not all(pd.api.types.is_numeric_dtype(s) and not pd.api.types.is_bool_dtype(s) for s in (old, fresh)):
        return ""
    return f", by at most {float((old.astype(float) - fresh.astype(float)).abs().max()):.3g}"


def changes(was: object, now: object, at: str = "") -> Iterator[str]:
    """`path.to.key: old -> new` for everything that two plain structures hold differently."""
    if isinstance(was, Mapping) and isinstance(now, Mapping):
        for key in sorted({*was, *now}):
            yield from changes(was.get(key), now.get(key), f"{at}.{key}" if at else str(key))
    elif isinstance(was, Sequence) and isinstance(now, Sequence) and not isinstance(was, str) and len(was) == len(now):
        for i, (old, fresh) in enumerate(zip(was, now, strict=True)):
            yield from changes(old, fresh, f"{at}[{i}]")
    elif was != now:
        yield f"{at}: {was} -> {now}"
