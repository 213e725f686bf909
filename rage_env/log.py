"""The validated record between the world and statistics: weekly rows, late reports, Parquet in and out.

On disk a log is a folder: `log.parquet` (one row group a week, immediate columns only) and `reports.parquet`
(delayed amounts as they became known). `CohortLog.as_of(week)` joins the two. Truth is kept elsewhere.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

from rage_env.errors import LogError
from rage_env.log_checks import validate_log
from rage_env.log_rows import LogMeta, Reports, WeekLog
from rage_env.log_tables import FEATURE_PREFIX, PROB_PREFIX, delayed_columns, reports_from, week_from, week_table
from rage_env.outcomes import IMMEDIATE
from rage_env.whole_file import beside, move_in, told_of_the_disk, whole_file

__all__ = [
    "FEATURE_PREFIX",
    "PROB_PREFIX",
    "CohortLog",
    "LogMeta",
    "LogWriter",
    "Reports",
    "WeekLog",
    "open_log_files",
    "told_of_damage",
    "validate_log",
]

_KEYS = ("user_id", "week", "unit", "present", "arm", "propensity")
_AGAIN = "run the experiment again with keep_logs=true"


@dataclass(frozen=True, eq=False)
class CohortLog:
    """All weeks of a run with the reports that came in, in memory or read from a folder."""

    meta: LogMeta
    weeks: tuple[WeekLog, ...]
    reports: Reports = field(default_factory=Reports.empty)

    def as_of(self, week: int | None = None) -> pa.Table:
        """Rows of all weeks up to `week`, delayed columns as reported by its end; None: everything settled.

        Columns: user_id, week, unit, present, arm, propensity, reward (value), the ledger, `x_*` features and,
        where logged, `prob_*`. Raises LogError where there is no such week.
        """
        weeks = [w for w in self.weeks if week is None or w.week <= week]
        if not weeks:
            raise LogError(f"the log has no week up to {week}")
        known = self.reports if week is None else self.reports.where(self.reports.reported_week <= week)
        tables = [week_table(w, self.meta, delayed_columns(w, known)) for w in weeks]
        return pa.concat_tables(tables).replace_schema_metadata(self.meta.to_bytes())

    def without_propensities(self) -> Self:
        """The same log with propensities and probabilities withheld: estimators that weigh must refuse it."""
        return replace(self, weeks=tuple(week.without_propensities() for week in self.weeks))

    def write(self, folder: str | Path) -> Path:
        """Write `log.parquet` and `reports.parquet` under `folder`; returns it."""
        with LogWriter(folder, self.meta) as writer:
            for week in self.weeks:
                writer.append(week)
            writer.append_reports(self.reports)
        return Path(folder)

    @classmethod
    def read(cls, folder: str | Path) -> Self:
        """Inverse of write. Raises LogError naming file, column and rule for one that was changed since."""
        place = Path(folder)
        rows, reports, meta = open_log_files(place)
        with told_of_damage(place):
            weeks = tuple(week_from(rows.read_row_group(g), meta) for g in range(rows.num_row_groups))
            return cls(meta, weeks, reports_from(reports.read()))


class LogWriter:
    """Streams a log to disk, one row group a week; use as a context manager.

    withhold_propensities: write it without the probabilities with which arms were drawn, as most firms' logs are.
    """

    def __init__(self, folder: str | Path, meta: LogMeta, *, withhold_propensities: bool = False) -> None:
        self.folder = Path(folder)
        self.meta, self.withhold_propensities = meta, withhold_propensities
        self._rows: pq.ParquetWriter | None = None
        self._reports: list[Reports] = []
        self._file = self.folder / "log.parquet"

    def __enter__(self) -> Self:
        with told_of_the_disk(self._file):
            self.folder.mkdir(parents=True, exist_ok=True)
        return self

    def append(self, week: WeekLog) -> None:
        """Write one week."""
        week = week.without_propensities() if self.withhold_propensities else week
        table = week_table(week, self.meta, None).replace_schema_metadata(self.meta.to_bytes())
        with told_of_the_disk(self._file):
            if self._rows is None:
                self._rows = pq.ParquetWriter(beside(self._file), table.schema, compression="zstd")
            self._rows.write_table(table, row_group_size=table.num_rows)

    def append_reports(self, reports: Reports) -> None:
        """Keep reports; written on exit."""
        self._reports.append(reports)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close both files, which stand there from now on; after an error neither does."""
        part = beside(self._file)
        try:
            if kind is None:
                self._finish(part)
            elif self._rows is not None:
                with contextlib.suppress(OSError):  # told already
                    self._rows.close()
        finally:
            part.unlink(missing_ok=True)

    def _finish(self, part: Path) -> None:
        every = Reports.concat(self._reports)
        table = pa.table({f: getattr(every, f) for f in Reports.__dataclass_fields__})
        with whole_file(self.folder / "reports.parquet") as late:
            pq.write_table(table.replace_schema_metadata(self.meta.to_bytes()), late)
        if self._rows is not None:
            with told_of_the_disk(self._file):
                self._rows.close()
                move_in(part, self._file)


def open_log_files(folder: Path) -> tuple[pq.ParquetFile, pq.ParquetFile, LogMeta]:
    """(log.parquet, reports.parquet, what they say of themselves), with every column there and of numbers.

    Raises LogError naming file, column and rule.
    """
    log, late = folder / "log.parquet", folder / "reports.parquet"
    rows, reports = _opened(log), _opened(late)
    meta = LogMeta.from_bytes(rows.schema_arrow.metadata, str(log))
    found = [f"{log}: {problem}; {_AGAIN}" for problem in _row_problems(rows, meta)]
    columns = Reports.__dataclass_fields__
    found += [f"{late}: {problem}; {_AGAIN}" for problem in _column_problems(reports.schema_arrow, columns)]
    if found:
        raise LogError("\n".join(found))
    return rows, reports, meta


@contextlib.contextmanager
def told_of_damage(folder: Path) -> Iterator[None]:
    """Inside, rows that break a rule or cannot be decoded are a LogError that names the log's folder."""
    try:
        yield
    except (LogError, OSError, pa.ArrowException) as error:
        detail = " ".join(str(error).split())[:300]
        raise LogError(f"{folder}: {detail}. The log was changed after it was written; {_AGAIN}") from error


def _opened(file: Path) -> pq.ParquetFile:
    if not file.is_file():
        raise LogError(f"{file}: no such file; a RAGE log is a folder with log.parquet and reports.parquet")
    try:
        opened = pq.ParquetFile(file)
        _ = opened.schema_arrow.names  # decoded on demand: names may be damaged where the rest is whole
        return opened
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        detail = " ".join(str(error).split())[:200]
        raise LogError(f"{file}: is no whole Parquet file ({detail}); {_AGAIN}") from error


def _row_problems(rows: pq.ParquetFile, meta: LogMeta) -> Iterator[str]:
    schema = rows.schema_arrow
    probs = [PROB_PREFIX + a for a in meta.arm_names] if any(c.startswith(PROB_PREFIX) for c in schema.names) else []
    yield from _column_problems(schema, [*_KEYS, *IMMEDIATE, *(FEATURE_PREFIX + f for f in meta.feature_names), *probs])
    if rows.metadata.num_rows == 0:
        yield "holds no rows"


def _column_problems(schema: pa.Schema, wanted: Iterable[str]) -> Iterator[str]:
    missing = [name for name in wanted if name not in schema.names]
    if missing:
        yield f"lacks the columns {', '.join(missing)}"
    for name in wanted:
        if (times := schema.names.count(name)) > 1:
            yield f"has {times} columns called {name!r}"
            continue
        held = schema.field(name).type if name in schema.names else pa.float32()
        if not (pa.types.is_integer(held) or pa.types.is_floating(held) or pa.types.is_boolean(held)):
            yield f"column {name}: must hold numbers, holds {held}"
