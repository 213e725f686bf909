"""Opens a log that RAGE wrote, after looking whether its files still hold what they must.

A log may have been cut short, edited or mixed with another; each such fault is told by file, column and rule.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from rage_env.errors import LogError
from rage_env.log import FEATURE_PREFIX, PROB_PREFIX, CohortLog, LogMeta, Reports, validate_log
from rage_env.outcomes import IMMEDIATE

__all__ = ["read_own_log"]

_KEYS = ("user_id", "week", "unit", "present", "arm", "propensity")


def read_own_log(folder: Path) -> tuple[CohortLog, pa.Table]:
    """The log in `folder`, and its rows with everything settled. Raises LogError naming file, column and rule."""
    rows, reports = folder / "log.parquet", folder / "reports.parquet"
    for file in (rows, reports):
        if not file.is_file():
            raise LogError(f"{file}: no such file; a RAGE log is a folder with log.parquet and reports.parquet")
    found = [*_of_rows(rows), *_of_reports(reports)]
    if found:
        raise LogError("\n".join(found))
    try:
        log = CohortLog.read(folder)
        return log, validate_log(log.as_of(None), k=len(log.meta.arm_names))
    except LogError as error:
        raise LogError(
            f"{folder}: {error}. The log was changed after it was written; run the experiment again"
        ) from error


def _of_rows(file: Path) -> Iterator[str]:
    opened = _opened(file)
    schema = opened.schema_arrow
    meta = _meta(schema, file)
    wanted = [*_KEYS, *IMMEDIATE, *(FEATURE_PREFIX + f for f in meta.feature_names)]
    yield from _columns(schema, wanted, file)
    if any(name.startswith(PROB_PREFIX) for name in schema.names):
        yield from _columns(schema, [PROB_PREFIX + a for a in meta.arm_names], file)
    if opened.metadata.num_rows == 0:
        yield f"{file}: holds no rows; run the experiment again"
    elif "arm" in schema.names and pa.types.is_integer(schema.field("arm").type):
        yield from _arms(opened, len(meta.arm_names), file)


def _arms(opened: pq.ParquetFile, k: int, file: Path) -> Iterator[str]:
    arm = opened.read(columns=["arm"])["arm"]
    if arm.null_count:
        yield f"{file}: column arm: must not be empty ({arm.null_count} such rows); run the experiment again"
        return
    held = arm.to_numpy()
    if held.min() < 0 or held.max() >= k:
        wrong = held.max() if held.max() >= k else held.min()
        yield f"{file}: column arm: must be one of the {k} arms 0..{k - 1}; got {wrong}"


def _of_reports(file: Path) -> Iterator[str]:
    yield from _columns(_opened(file).schema_arrow, list(Reports.__dataclass_fields__), file)


def _opened(file: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(file)
    except (OSError, pa.ArrowException) as error:
        detail = " ".join(str(error).split())[:200]
        raise LogError(f"{file}: is no whole Parquet file ({detail}); run the experiment again") from error


def _meta(schema: pa.Schema, file: Path) -> LogMeta:
    try:
        return LogMeta.from_bytes(schema.metadata, str(file))
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError) as error:
        raise LogError(f"{file}: its 'rage' metadata are damaged ({error}); run the experiment again") from error


def _columns(schema: pa.Schema, wanted: list[str], file: Path) -> Iterator[str]:
    missing = [name for name in wanted if name not in schema.names]
    if missing:
        yield f"{file}: lacks the columns {', '.join(missing)}; run the experiment again with keep_logs=true"
    for name in wanted:
        held = schema.field(name).type if name in schema.names else pa.float32()
        if not (pa.types.is_integer(held) or pa.types.is_floating(held) or pa.types.is_boolean(held)):
            yield f"{file}: column {name}: must hold numbers, holds {held}"
