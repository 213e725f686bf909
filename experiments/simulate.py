"""Answers `rage simulate`: a world lived under a policy, as tables for whoever analyses data elsewhere.

Weeks are streamed: what is held of the past is the reports, which are few.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from experiments import data_tables
from experiments.console import print_rows, show
from experiments.data_files import FORMATS, SIDECAR, Format, TableWriter, writer
from experiments.hidden import Depth
from experiments.history import History, Plan
from experiments.interrupts import told_of_an_end
from experiments.outbox import Outbox
from experiments.panel import Panel
from experiments.progress import Progress
from rage_env.features import FeatureTable
from rage_env.log import LogMeta, LogWriter, Reports, WeekLog
from rage_env.log_tables import delayed_columns, week_from, week_table

__all__ = ["DataFile", "Tables", "print_files", "simulate", "simulate_command"]

_MINE = [t + ending for t in data_tables.TABLES for ending in (*(f".{f}" for f in FORMATS), SIDECAR)]


@dataclass(frozen=True)
class DataFile:
    """A table on disk."""

    file: str
    rows: int
    columns: int
    bytes: int


def simulate(
    plan: Plan,
    out: Path,
    *,
    kind: Format = "parquet",
    depth: Depth = "seen",
    withhold: bool = False,
    behaviour: bool = False,
    force: bool = False,
    progress: bool = False,
) -> tuple[DataFile, ...]:
    """Live the plan and write its tables to the folder `out`; the same plan gives the same bytes.

    depth: beyond `seen`, the truth stands in files of its own. withhold: leave propensities empty, as many a firm's
    log does. behaviour: the behavioural features of week 0 too, with their label, in worlds that show a bank's signals.
    Raises ConfigError where files are in the way, LogError for a world without such signals.
    """
    with Outbox(out, _MINE, force=force) as box:
        history = History(plan, depth, keep_past=behaviour)
        panel = Panel(history) if behaviour else None
        tell = Progress(plan.weeks, enabled=progress)
        with Tables(box, kind, plan, history.env.features) as tables:
            with TemporaryDirectory(dir=box.place("")) as scratch:
                reports = _first_pass(history, tables, Path(scratch), withhold, tell, panel)
                for table in _second_pass(Path(scratch), _meta(history), reports):
                    tables.write("behavior_weekly", data_tables.empty_where_withheld(table))
            tables.write("reports", data_tables.reports_table(reports))
            if panel is not None:
                tables.write("behaviour", panel.table())
        return tables.files()


def simulate_command(
    plan: Plan,
    out: Path,
    *,
    kind: Format,
    depth: Depth,
    withhold: bool,
    behaviour: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Write the tables and print what was written. Raises ConfigError, RunError when interrupted."""
    with told_of_an_end(out):
        files = simulate(
            plan, out, kind=kind, depth=depth, withhold=withhold, behaviour=behaviour, force=force, progress=True
        )
    print_files(files, out, as_json=as_json)


def print_files(files: Sequence[DataFile], out: Path, *, as_json: bool) -> None:
    """One row a file."""
    print_rows([asdict(f) for f in files], as_json=as_json)
    if not as_json:
        described = "Parquet metadata" if files[0].file.endswith(".parquet") else f"*{SIDECAR}"
        show(f"\nfolder: {out.resolve()}\nunit and meaning of every column: {described}")


class Tables:
    """Writers of several tables, opened as the first rows come; use as a context manager."""

    def __init__(self, box: Outbox, kind: Format, plan: Plan, features: FeatureTable) -> None:
        self.box, self.kind, self.plan, self.features = box, kind, plan, features
        self._open: dict[str, tuple[TableWriter, pa.Schema]] = {}
        self._stack = ExitStack()

    def write(self, name: str, table: pa.Table) -> None:
        """Append rows to the table of that name."""
        if name not in self._open:
            description = data_tables.described(name, table.schema, self.plan, self.features)
            made = writer(self._path(name), table.schema, description, self.kind)
            self._stack.callback(made.close)
            self._open[name] = made, table.schema
        self._open[name][0].write(table)

    def files(self) -> tuple[DataFile, ...]:
        """What was written; after leaving."""
        return tuple(
            DataFile(self._path(name).name, made.rows, len(schema), self._path(name).stat().st_size)
            for name, (made, schema) in self._open.items()
        )

    def _path(self, name: str) -> Path:
        return self.box.place(f"{name}.{self.kind}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def _first_pass(
    history: History, tables: Tables, scratch: Path, withhold: bool, tell: Progress, panel: Panel | None
) -> Reports:
    """Live every week: what is known at once goes to disk; the reports come back."""
    every: list[Reports] = []
    roll = _Roll()
    with LogWriter(scratch, _meta(history), withhold_propensities=withhold) as log:
        for lived in history.weeks():
            new, known = roll.call(lived.log)
            log.append(lived.log)
            if panel is not None:
                panel.add(lived.log)
            every.append(lived.reports)
            tables.write("users", data_tables.users_table(lived.seen, new, history.env.features))
            if lived.hidden is not None:
                tables.write("truth", data_tables.truth_users_table(lived, new))
                tables.write("truth_weekly", _of(data_tables.truth_weekly_table(lived), known))
            if _worth_telling(lived.log.week, history.plan.weeks):
                tell.line(f"week {lived.log.week + 1} of {history.plan.weeks}: {int(lived.log.present.sum())} users")
    return Reports.concat(every)


def _second_pass(scratch: Path, meta: LogMeta, reports: Reports) -> Iterator[pa.Table]:
    """Every week again, with what became known of it by the end."""
    roll = _Roll()
    with pq.ParquetFile(scratch / "log.parquet") as log:
        for group in range(log.num_row_groups):
            week = week_from(log.read_row_group(group), meta)
            _, known = roll.call(week)
            yield _of(week_table(week, meta, delayed_columns(week, reports)), known)


def _of(table: pa.Table, rows: NDArray[np.bool_]) -> pa.Table:
    return table if rows.all() else table.filter(pa.array(rows))


class _Roll:
    """Who has been there, slot by slot. A slot may stand empty from the start: nobody is a row of no table."""

    def __init__(self) -> None:
        self._last: NDArray[np.int64] | None = None

    def call(self, week: WeekLog) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """(n,) whose first week this is, and (n,) who was there in this week or before."""
        last = np.full(week.n, -1, np.int64) if self._last is None else self._last
        new = week.present & (week.user_id != last)
        self._last = np.where(week.present, week.user_id, last)
        return new, week.user_id == self._last


def _worth_telling(week: int, weeks: int) -> bool:
    """At the start, and after every tenth of the way."""
    return week == 0 or (week + 1) * 10 // weeks > week * 10 // weeks


def _meta(history: History) -> LogMeta:
    env, plan = history.env, history.plan
    return LogMeta(
        arm_names=env.arm_names,
        feature_names=env.features.names,
        retention_value_usd=plan.world.retention_value_usd,
        scenario=plan.world.name,
        seed=plan.seed,
        agent=plan.policy,
    )
