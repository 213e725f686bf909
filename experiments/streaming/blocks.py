"""A log on disk as a sequence of blocks of equal size, whatever files and row groups it is cut into."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from experiments.estimators._sums import CHUNK
from rage_env.errors import LogError
from rage_env.log import PROB_PREFIX, open_log_files, told_of_damage
from rage_env.log_tables import delayed_columns, reports_from, week_from, week_table

__all__ = ["BLOCK", "LogStream", "open_stream"]

BLOCK = 8 * CHUNK
"""Rows that are worked on at a time; fixed, so that sums run in one order for any cut of the data."""

MOST_USERS = 50_000_000


@dataclass(frozen=True, eq=False)
class LogStream:
    """Where the rows are, and what must be known before they are read."""

    name: str
    origin: str
    arms: tuple[str, ...]
    rows: int
    users: range  # of ids
    weeks: range
    clusters: str  # column whose equal labels depend on each other: unit, or user_id where there is none
    units: range  # of those labels
    pieces: Callable[[], Iterator[pa.Table]]  # all rows in order, in pieces of any size

    def blocks(self) -> Iterator[tuple[int, pa.Table]]:
        """(first row, BLOCK rows) one after the other; the last is shorter."""
        held: list[pa.Table] = []
        first = waiting = 0
        for piece in self.pieces():
            held.append(piece)
            waiting += piece.num_rows
            while waiting >= BLOCK:
                table = pa.concat_tables(held)
                yield first, table.slice(0, BLOCK)
                first, waiting = first + BLOCK, waiting - BLOCK
                held = [table.slice(BLOCK)]
        if waiting:
            yield first, pa.concat_tables(held)


def open_stream(path: str | Path, arms: Sequence[str] = ()) -> LogStream:
    """The log at `path`: a RAGE log folder, a Parquet file, or a folder of them, read in order of their names.

    Parquet files hold the columns that `validate_log` asks for. arms: names; needed where no `prob_*` columns tell
    them. Raises LogError saying what is missing.
    """
    place = Path(path)
    if (place / "log.parquet").is_file() and (place / "reports.parquet").is_file():
        ours = _ours(place)
        if arms and tuple(arms) != ours.arms:
            raise LogError(f"{place}: --arms {', '.join(arms)}, but the log's own are {', '.join(ours.arms)}")
        return ours
    files = sorted(place.glob("*.parquet")) if place.is_dir() else [place]
    if not files or not all(f.is_file() for f in files):
        raise LogError(f"{place}: no Parquet files; --stream reads a RAGE log folder, a file, or a folder of files")
    return _plain(place, files, tuple(arms))


def _plain(place: Path, files: Sequence[Path], arms: tuple[str, ...]) -> LogStream:
    opened = [_opened(f) for f in files]
    names = opened[0].schema_arrow.names
    for file, parquet in zip(files, opened, strict=True):
        missing = [c for c in ("user_id", "week", "arm", "propensity") if c not in parquet.schema_arrow.names]
        if missing:
            raise LogError(f"{file}: lacks the columns {missing}; it has {parquet.schema_arrow.names}")
        if twice := [c for c in dict.fromkeys(names) if names.count(c) > 1]:
            raise LogError(f"{file}: has the columns {twice} more than once; keep one of each")
        if parquet.schema_arrow.names != names:
            raise LogError(f"{file}: its columns are not those of {files[0]}; all files of a log have the same")
    told = tuple(c.removeprefix(PROB_PREFIX) for c in names if c.startswith(PROB_PREFIX))
    if not (arms or told):
        raise LogError(f"{place}: nothing names the arms; give them with --arms, in the order of their codes")
    if arms and told and arms != told:
        raise LogError(f"{place}: --arms {', '.join(arms)}, but its prob_* columns say {', '.join(told)}")

    def pieces() -> Iterator[pa.Table]:
        for file in files:  # opened anew and closed: a reader keeps what it has read
            with _opened(file) as parquet:
                for batch in parquet.iter_batches(BLOCK):
                    yield pa.Table.from_batches([batch])

    unit = "unit" if "unit" in names else "user_id"
    users, weeks, units = (_span(opened, files, c) for c in ("user_id", "week", unit))
    rows = sum(p.metadata.num_rows for p in opened)
    for parquet in opened:
        parquet.close()
    return LogStream(place.name, str(place), arms or told, rows, users, weeks, unit, units, pieces)


def _ours(folder: Path) -> LogStream:
    parquet, late, meta = open_log_files(folder)
    with told_of_damage(folder):
        reports = reports_from(late.read())

    def pieces() -> Iterator[pa.Table]:
        for group in range(parquet.num_row_groups):
            with told_of_damage(folder), _opened(folder / "log.parquet") as fresh:  # a reader keeps what it has read
                week = week_from(fresh.read_row_group(group), meta)
                table = week_table(week, meta, delayed_columns(week, reports))
            yield table

    users, weeks, units = (_span([parquet], [folder], c) for c in ("user_id", "week", "unit"))
    by = f"scenario {meta.scenario or 'unknown'}, agent {meta.agent or 'unknown'}, seed {meta.seed}"
    return LogStream(folder.name, by, meta.arm_names, parquet.metadata.num_rows, users, weeks, "unit", units, pieces)


def _opened(file: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(file)
    except (OSError, pa.ArrowException) as error:
        raise LogError(f"{file}: is no whole Parquet file ({' '.join(str(error).split())[:200]})") from error


def _span(opened: Iterable[pq.ParquetFile], files: Sequence[Path], column: str) -> range:
    """Least and greatest of a whole-number column, by the files' own statistics. Raises LogError."""
    low, high = [], []
    for file, parquet in zip(files, opened, strict=True):
        at = parquet.schema_arrow.names.index(column)
        if not pa.types.is_integer(parquet.schema_arrow.field(column).type):
            kind = parquet.schema_arrow.field(column).type
            raise LogError(f"{file}: column {column} must hold whole numbers to be streamed, holds {kind}; number them")
        for group in range(parquet.num_row_groups):
            held = parquet.metadata.row_group(group).column(at).statistics
            if held is None or not held.has_min_max:
                raise LogError(f"{file}: column {column} has no statistics; write the file with them (the default)")
            low.append(int(held.min))
            high.append(int(held.max))
    if not low:
        raise LogError(f"{files[0]}: holds no rows")
    found = range(min(low), max(high) + 1)
    if len(found) > MOST_USERS:
        raise LogError(
            f"column {column}: spans {len(found):,} whole numbers, streaming takes {MOST_USERS:,}; number them from 0"
        )
    return found
