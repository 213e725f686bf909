"""Turns a mapped CSV or Parquet file into the columns of a RAGE log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from experiments.mapping import LogMapping
from rage_env.errors import LogError, did_you_mean
from rage_env.log import FEATURE_PREFIX, PROB_PREFIX, validate_log
from rage_env.log_checks import Dropped, drop_invalid

__all__ = ["column_of", "numbers_of", "read_foreign_log", "read_table", "read_valid_rows", "words_of"]

MOST_VALUES = 50
"""A categorical column of more values than this is a number or an identifier in disguise."""

RESERVED = frozenset({"user_id", "week", "arm", "propensity", "reward"})


def read_foreign_log(mapping: LogMapping, path: Path) -> pa.Table:
    """user_id, week, arm, propensity, reward, the outcomes by name, `x_*` covariates, `prob_*` of a fixed design.

    Raises LogError naming column, row and rule.
    """
    return validate_log(_as_log(mapping, read_table(path)), k=len(mapping.arms))


def read_valid_rows(mapping: LogMapping, path: Path) -> tuple[pa.Table, Dropped]:
    """The same of the rows that keep every rule, and what was dropped: gaps and arms that the mapping does not know,
    then whatever breaks a rule of the log. Raises LogError for what is wrong with the file as a whole."""
    raw = read_table(path)
    keep = np.ones(raw.num_rows, np.bool_)
    counts: dict[str, int] = {}
    for column, role in mapping.columns.items():
        held = _present_column(raw, column, role)
        if column == mapping.arm_column:
            held = _codes(mapping, held)
        bad = np.asarray(held.is_null().to_numpy(zero_copy_only=False), dtype=np.bool_)
        if bad.any():
            rule = "must be an arm of the mapping" if column == mapping.arm_column else "must not be empty"
            counts[f"{column}: {rule}"] = int(bad.sum())
            keep &= ~bad
    if not keep.any():
        raise LogError(f"{path}: no row is whole; {Dropped(raw.num_rows, raw.num_rows, counts)}")
    table, more = drop_invalid(_as_log(mapping, raw.filter(pa.array(keep))), k=len(mapping.arms))
    lost = int((~keep).sum()) + more.rows
    return table, Dropped(lost, raw.num_rows, {**counts, **more.counts})


def _as_log(mapping: LogMapping, raw: pa.Table) -> pa.Table:
    n = raw.num_rows
    codes = _arms(mapping, raw)
    data: dict[str, object] = {
        "user_id": _named(raw, mapping.unit, "unit") if mapping.unit else np.arange(n),
        "week": _named(raw, mapping.week, "week") if mapping.week else np.zeros(n, np.int32),
        "arm": codes,
    }
    if mapping.propensities == "withheld":
        data["propensity"] = np.full(n, np.nan)
    elif mapping.propensity_column is None:
        design = np.array([a.propensity for a in mapping.arms], dtype=np.float64)
        data["propensity"] = design[codes]
    else:
        data["propensity"] = numbers_of(raw, mapping.propensity_column, "propensity_column")
    for outcome in mapping.outcomes:
        if outcome.name in RESERVED - {"reward"}:
            raise LogError(f"outcome {outcome.name}: this name is taken by a column of every log; call it otherwise")
        data[outcome.name] = numbers_of(raw, outcome.column or outcome.name, f"outcome {outcome.name}")
    data.setdefault("reward", data[mapping.outcomes[0].name])
    data.update(_covariates(mapping, raw))
    if mapping.by_design:
        data.update({PROB_PREFIX + a.name: np.full(n, p) for a, p in zip(mapping.arms, design, strict=True)})
    return pa.table(data)


def read_table(path: Path) -> pa.Table:
    """The file as it stands: Parquet by its name, else CSV. Raises LogError for what is neither."""
    try:
        table = pq.read_table(path) if path.suffix == ".parquet" else pyarrow.csv.read_csv(path)
        table.validate(full=True)  # a damaged file may be read as text that is none
        return table
    except (OSError, UnicodeDecodeError, pa.ArrowException) as error:
        raise LogError(f"{path}: cannot be read as {path.suffix.lstrip('.') or 'CSV'}: {error}") from error


def column_of(raw: pa.Table, name: str, role: str) -> pa.ChunkedArray:
    """A column without gaps. role: what it is for, in messages. Raises LogError naming what is there instead."""
    held = _present_column(raw, name, role)
    if held.null_count:
        row = int(np.argmax(held.is_null().to_numpy(zero_copy_only=False)))
        raise LogError(f"column {name}, row {row}: must not be empty ({held.null_count} such rows); fill or drop them")
    return held


def _present_column(raw: pa.Table, name: str, role: str) -> pa.ChunkedArray:
    if name not in raw.column_names:
        hint = did_you_mean(name, raw.column_names)
        raise LogError(f"{role}: the file has no column {name!r}{hint} It has: {', '.join(raw.column_names)}.")
    if (times := raw.column_names.count(name)) > 1:
        raise LogError(f"{role}: the file has {times} columns called {name!r}; rename all but one")
    return raw[name]


def numbers_of(raw: pa.Table, name: str, role: str) -> NDArray[np.float64]:
    """(n,) the same as numbers."""
    held = column_of(raw, name, role)
    try:
        return np.asarray(held.cast(pa.float64()).to_numpy())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise LogError(f"column {name} ({role}): must hold numbers, got {held.type}") from error


def _named(raw: pa.Table, name: str, role: str) -> pa.ChunkedArray:
    """(n,) whole numbers as they are, anything else as text."""
    held = column_of(raw, name, role)
    return held if pa.types.is_integer(held.type) else words_of(held, name, role)


def words_of(held: pa.ChunkedArray, name: str, role: str) -> pa.ChunkedArray:
    """(n,) a column as text. Raises LogError for one that has no words, such as lists."""
    try:
        return held.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise LogError(f"column {name} ({role}): must hold words or numbers, got {held.type}") from error


def _arms(mapping: LogMapping, raw: pa.Table) -> NDArray[np.int16]:
    held = column_of(raw, mapping.arm_column, "arm_column")
    codes = _codes(mapping, held)
    if codes.null_count:
        row = int(np.argmax(codes.is_null().to_numpy(zero_copy_only=False)))
        known = ", ".join(repr(a.value) for a in mapping.arms)
        raise LogError(f"column {mapping.arm_column}, row {row}: {held[row].as_py()!r} is none of {known}")
    return np.asarray(codes.to_numpy()).astype(np.int16)


def _codes(mapping: LogMapping, held: pa.ChunkedArray) -> pa.ChunkedArray:
    """Places of the arms; null where the mapping knows none of that name."""
    words = words_of(held, mapping.arm_column, "arm_column")
    return pc.index_in(words, pa.array([str(a.value) for a in mapping.arms]))


def _covariates(mapping: LogMapping, raw: pa.Table) -> Iterator[tuple[str, NDArray[np.float64]]]:
    for name in mapping.covariates.numeric:
        yield FEATURE_PREFIX + name, numbers_of(raw, name, "covariate")
    for name in mapping.covariates.categorical:
        held = words_of(column_of(raw, name, "covariate"), name, "covariate")
        values = sorted(held.unique().to_pylist())
        if len(values) > MOST_VALUES:
            raise LogError(f"column {name}: {len(values)} values are too many for a categorical one (<= {MOST_VALUES})")
        for value in values[1:]:
            yield f"{FEATURE_PREFIX}{name}={value}", np.asarray(pc.equal(held, value).to_numpy()).astype(np.float64)
