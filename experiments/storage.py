"""Tables, JSON and text of a results folder: written whole or not at all, and named where they cannot be."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from rage_env.errors import LogError
from rage_env.whole_file import whole_file

__all__ = ["columns_of", "moved", "plain", "read_json", "read_table", "write_json", "write_table", "write_text"]


def write_text(path: Path, text: str) -> Path:
    """Write UTF-8 text in one move."""
    return moved(path, lambda beside: beside.write_text(text, encoding="utf-8"))


def write_json(path: Path, data: Mapping[str, object]) -> Path:
    """Write JSON in one move, keys sorted; NaN and infinities become null, NumPy numbers plain ones."""
    return write_text(path, json.dumps(plain(data), indent=1, sort_keys=True, allow_nan=False) + "\n")


def write_table(path: Path, table: pd.DataFrame) -> Path:
    """Write Parquet in one move; the index is dropped."""
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    return moved(path, lambda beside: pq.write_table(arrow, beside, compression="zstd"))


def read_json(path: Path) -> dict[str, object]:
    """Inverse of write_json. Raises LogError naming a file that is missing or corrupted."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise LogError(_unreadable(path, error)) from error
    if not isinstance(data, dict):
        raise LogError(f"{path}: must hold a JSON object, holds a {type(data).__name__}")
    return data


def read_table(path: Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Inverse of write_table, or some of its columns. Raises LogError naming a file that is missing or corrupted."""
    try:
        return pq.read_table(path, columns=None if columns is None else [*columns]).to_pandas()
    except (OSError, pa.ArrowException) as error:
        raise LogError(_unreadable(path, error)) from error


def columns_of(path: Path) -> tuple[str, ...]:
    """Names of a table's columns. Raises LogError as read_table does."""
    try:
        return tuple(pq.read_schema(path).names)
    except (OSError, pa.ArrowException) as error:
        raise LogError(_unreadable(path, error)) from error


def _unreadable(path: Path, error: Exception) -> str:
    if not path.exists():
        return f"{path}: no such file; the study has not come that far (`rage run` goes on where it stopped)"
    detail = " ".join(str(error).split())
    again = f"the folder {path.parent}" if path.parent.name.startswith("seed-") else "it"  # a run is kept whole or not
    return f"{path}: corrupted, or not written by RAGE ({detail[:200]}); delete {again} and run the study again"


def moved(path: Path, write: Callable[[Path], object]) -> Path:
    """Write a file in one move; returns its path. Raises RunError naming a file that the disk does not take."""
    with whole_file(path) as part:
        write(part)
    return path


def plain(value: object) -> object:
    """The value as JSON has it: NaN and infinities null, NumPy numbers and arrays plain ones, keys text."""
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [plain(inner) for inner in value]
    if hasattr(value, "tolist"):  # a NumPy scalar or array
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
