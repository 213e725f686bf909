"""Tables written piece by piece as Parquet, CSV or JSON, each with a description of itself.

Parquet keeps the description in its metadata, under `rage_data`; beside CSV and JSON stands `<name>.schema.json`. JSON
is one array with a row on each line. The same rows give the same bytes.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Literal, Protocol, get_args

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from rage_env.errors import LogError

__all__ = ["DESCRIPTION", "FORMATS", "SIDECAR", "Format", "TableWriter", "plain_rows", "read_description", "writer"]

Format = Literal["parquet", "csv", "json"]
FORMATS: tuple[Format, ...] = get_args(Format)
DESCRIPTION = b"rage_data"
SIDECAR = ".schema.json"
_ROWS_AT_ONCE = 10_000  # as Python values they take fifty times the room

Description = Mapping[str, object]


class TableWriter(Protocol):
    """Appends tables of one schema to a file. Remembers how many rows it has written."""

    rows: int

    def write(self, table: pa.Table) -> None:
        """Append these rows; a Parquet file gets them as one row group."""
        ...

    def close(self) -> None:
        """Finish the file."""
        ...


def writer(path: Path, schema: pa.Schema, description: Description, kind: Format) -> TableWriter:
    """A writer for `path`; for CSV and JSON the description is written beside it at once."""
    if kind == "parquet":
        return _Parquet(path, schema, description)
    path.with_name(path.stem + SIDECAR).write_text(json.dumps(description, indent=1) + "\n", encoding="utf-8")
    return _Csv(path, schema) if kind == "csv" else _Json(path)


def read_description(path: Path) -> dict[str, object]:
    """What a data file says of itself. Raises LogError for one that says nothing."""
    if path.suffix == ".parquet":
        held = (pq.read_schema(path).metadata or {}).get(DESCRIPTION)
    else:
        sidecar = path.with_name(path.stem + SIDECAR)
        held = sidecar.read_bytes() if sidecar.is_file() else None
    if held is None:
        raise LogError(f"{path}: says nothing of itself; `rage simulate` writes files that do")
    found = json.loads(held)
    assert isinstance(found, dict)
    return found


def plain_rows(table: pa.Table) -> list[dict[str, object]]:
    """Rows as plain Python values; a float32 becomes the shortest decimal that reads back as itself."""
    for i, column in enumerate(table.schema):
        if pa.types.is_float32(column.type):
            short = table.column(i).cast(pa.string()).cast(pa.float64())
            table = table.set_column(i, column.name, short)
    rows: list[dict[str, object]] = table.to_pylist()
    return rows


class _Parquet:
    def __init__(self, path: Path, schema: pa.Schema, description: Description) -> None:
        self.rows = 0
        self._schema = schema.with_metadata({DESCRIPTION: json.dumps(description).encode()})
        self._file = pq.ParquetWriter(path, self._schema, compression="zstd")

    def write(self, table: pa.Table) -> None:
        if table.num_rows:
            self._file.write_table(table.replace_schema_metadata(self._schema.metadata), row_group_size=table.num_rows)
        self.rows += table.num_rows

    def close(self) -> None:
        self._file.close()


class _Csv:
    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.rows = 0
        self._file = pa_csv.CSVWriter(path, schema)

    def write(self, table: pa.Table) -> None:
        self._file.write_table(table.replace_schema_metadata(None))
        self.rows += table.num_rows

    def close(self) -> None:
        self._file.close()


class _Json:
    def __init__(self, path: Path) -> None:
        self.rows = 0
        self._file: IO[str] = path.open("w", encoding="utf-8", newline="\n")
        self._put("[")

    def write(self, table: pa.Table) -> None:
        for start in range(0, table.num_rows, _ROWS_AT_ONCE):
            for row in plain_rows(table.slice(start, _ROWS_AT_ONCE)):
                self._put((",\n" if self.rows else "\n") + json.dumps(row, allow_nan=False))
                self.rows += 1

    def close(self) -> None:
        self._put("\n]\n")
        self._file.close()

    def _put(self, text: str) -> None:
        try:
            self._file.write(text)
        except OSError:
            with contextlib.suppress(OSError):  # what is still buffered finds the disk full too
                self._file.close()
            raise
