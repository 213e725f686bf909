"""The validated record between the world and statistics: weekly rows, late reports, Parquet in and out.

On disk a log is a folder: `log.parquet` (one row group a week, immediate columns only) and `reports.parquet`
(delayed amounts as they became known). `CohortLog.as_of(week)` joins the two. Truth is kept elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from rage_env.errors import LogError
from rage_env.outcomes import COLUMNS, DELAYED, IMMEDIATE, LEDGER_VERSION, value

__all__ = ["FEATURE_PREFIX", "PROB_PREFIX", "CohortLog", "LogMeta", "LogWriter", "Reports", "WeekLog", "validate_log"]

FEATURE_PREFIX = "x_"
PROB_PREFIX = "prob_"
_KEYS = ("user_id", "week", "arm", "propensity")


@dataclass(frozen=True, eq=False)
class Reports:
    """Delayed amounts that became known: one row per (user, accrual week, column). Arrays share one length."""

    user_id: NDArray[np.int64]
    accrual_week: NDArray[np.int32]  # negative: caused during burn-in
    reported_week: NDArray[np.int32]
    column: NDArray[np.int8]  # index into outcomes.DELAYED
    amount: NDArray[np.float32]

    def __post_init__(self) -> None:
        lengths = {len(getattr(self, f)) for f in self.__dataclass_fields__}
        if len(lengths) > 1:
            raise LogError(f"reports: arrays of different lengths {sorted(lengths)}")
        if len(self.user_id) and (self.reported_week < self.accrual_week).any():
            row = int(np.argmax(self.reported_week < self.accrual_week))
            raise LogError(f"reports row {row}: reported in week {self.reported_week[row]}, before it happened")

    def __len__(self) -> int:
        return len(self.user_id)

    @classmethod
    def empty(cls) -> Self:
        """No reports."""
        z32 = np.empty(0, np.int32)
        return cls(np.empty(0, np.int64), z32, z32, np.empty(0, np.int8), np.empty(0, np.float32))

    @classmethod
    def concat(cls, parts: Sequence[Reports]) -> Self:
        """All parts, in order."""
        if not parts:
            return cls.empty()
        return cls(*(np.concatenate([getattr(p, f) for p in parts]) for f in cls.__dataclass_fields__))

    def where(self, keep: NDArray[np.bool_] | NDArray[np.intp] | slice) -> Self:
        """Rows where `keep` (len,) is true, or the rows it lists."""
        return type(self)(*(getattr(self, f)[keep] for f in self.__dataclass_fields__))

    def amounts(self, column: str) -> Self:
        """Rows of one delayed column."""
        return self.where(self.column == DELAYED.index(column))


@dataclass(frozen=True, eq=False)
class WeekLog:
    """One week of every assigned user: what was decided, with which probability, and what is known at once.

    Departed users keep their row: arm 0, propensity 1, outcomes 0, `present` False. `columns` holds immediate
    ledger columns only; delayed ones arrive as Reports.
    """

    week: int
    user_id: NDArray[np.int64]  # (n,)
    unit: NDArray[np.int64]  # (n,)
    present: NDArray[np.bool_]  # (n,)
    arm: NDArray[np.int64]  # (n,)
    propensity: NDArray[np.float32]  # (n,), as drawn from
    features: NDArray[np.float32]  # (n, d), before the week
    columns: Mapping[str, NDArray[np.float32]]  # {immediate column: (n,)}
    probs: NDArray[np.float32] | None = None  # (n, k)

    def __post_init__(self) -> None:
        n = len(self.user_id)
        for name in ("unit", "present", "arm", "propensity", "features"):
            if len(getattr(self, name)) != n:
                raise LogError(f"week {self.week}: {name} has {len(getattr(self, name))} rows for {n} users")
        missing = [c for c in IMMEDIATE if c not in self.columns]
        foreign = [c for c in self.columns if c not in IMMEDIATE]
        if missing or foreign:
            raise LogError(f"week {self.week}: columns missing {missing}, not immediate ledger columns {foreign}")
        p = self.propensity
        _refuse(self, ~((p > 0) & (p <= 1)), "propensity", "lies in (0, 1]")
        _refuse(self, self.arm < 0, "arm", "is an index of an arm")
        for name, column in self.columns.items():
            if len(column) != n:
                raise LogError(f"week {self.week}: {name} has {len(column)} rows for {n} users")
            _refuse(self, ~np.isfinite(column), name, "is finite")
        gone = ~self.present
        _refuse(self, gone & ((self.arm != 0) | (p != 1)), "arm", "is 0 with propensity 1 after a user left")
        if self.probs is not None:
            _refuse(self, np.abs(self.probs.sum(axis=1) - 1) > 1e-4, "probs", "sum to 1")
            taken = np.take_along_axis(self.probs, self.arm[:, None], axis=1)[:, 0]
            _refuse(self, np.abs(taken - p) > 1e-5, "propensity", "equals the probability of the arm taken")

    @property
    def n(self) -> int:
        """Rows: every assigned user, departed ones too."""
        return len(self.user_id)


def _refuse(week: WeekLog, bad: NDArray[np.bool_], column: str, rule: str) -> None:
    if bad.any():
        row = int(np.argmax(bad))
        held = week.columns[column] if column in week.columns else getattr(week, column)
        raise LogError(f"week {week.week}, row {row} (user {week.user_id[row]}): {column} {rule}; got {held[row]}")


@dataclass(frozen=True)
class LogMeta:
    """What a log must say of itself to be read alone."""

    arm_names: tuple[str, ...]
    feature_names: tuple[str, ...]
    retention_value_usd: float = 0.0
    scenario: str = ""
    config_hash: str = ""
    seed: int = 0
    agent: str = ""
    ledger_version: int = LEDGER_VERSION
    reported_share: dict[str, tuple[float, ...]] = field(default_factory=dict)

    def to_bytes(self) -> dict[bytes, bytes]:
        """Parquet key-value metadata."""
        return {b"rage": json.dumps(self.__dict__, sort_keys=True).encode()}

    @classmethod
    def from_bytes(cls, metadata: Mapping[bytes, bytes] | None, where: str) -> Self:
        """Inverse of to_bytes. Raises LogError for a file that RAGE did not write or a schema it does not know."""
        if not metadata or b"rage" not in metadata:
            raise LogError(f"{where}: not a RAGE log (no 'rage' metadata); use a mapping file for foreign logs")
        raw = json.loads(metadata[b"rage"])
        if raw.get("ledger_version") != LEDGER_VERSION:
            raise LogError(
                f"{where}: ledger version {raw.get('ledger_version')}, this RAGE reads {LEDGER_VERSION}; "
                "run the experiment again or read it with the version that wrote it"
            )
        raw["arm_names"] = tuple(raw["arm_names"])
        raw["feature_names"] = tuple(raw["feature_names"])
        raw["reported_share"] = {c: tuple(s) for c, s in raw["reported_share"].items()}
        return cls(**raw)


@dataclass(frozen=True, eq=False)
class CohortLog:
    """All weeks of a run with the reports that came in, in memory or read from a folder."""

    meta: LogMeta
    weeks: tuple[WeekLog, ...]
    reports: Reports = field(default_factory=Reports.empty)

    def as_of(self, week: int | None = None) -> pa.Table:
        """Rows of all weeks up to `week`, delayed columns as reported by its end; None: everything settled.

        Columns: user_id, week, unit, present, arm, propensity, reward (value), the ledger, `x_*` features and,
        where logged, `prob_*`.
        """
        weeks = [w for w in self.weeks if week is None or w.week <= week]
        if not weeks:
            raise LogError(f"the log has no week up to {week}")
        known = self.reports if week is None else self.reports.where(self.reports.reported_week <= week)
        tables = [week_table(w, self.meta, delayed_columns(w, known)) for w in weeks]
        return pa.concat_tables(tables).replace_schema_metadata(self.meta.to_bytes())

    def write(self, folder: str | Path) -> Path:
        """Write `log.parquet` and `reports.parquet` under `folder`; returns it."""
        with LogWriter(folder, self.meta) as writer:
            for week in self.weeks:
                writer.append(week)
            writer.append_reports(self.reports)
        return Path(folder)

    @classmethod
    def read(cls, folder: str | Path) -> Self:
        """Inverse of write. Raises LogError naming the file."""
        path = Path(folder) / "log.parquet"
        if not path.is_file():
            raise LogError(f"{path}: no such file; a RAGE log is a folder with log.parquet and reports.parquet")
        try:
            rows = pq.ParquetFile(path)
            reports = pq.read_table(path.with_name("reports.parquet"))
        except (OSError, pa.ArrowInvalid) as error:
            raise LogError(f"{folder}: cannot be read as a RAGE log: {error}") from error
        meta = LogMeta.from_bytes(rows.schema_arrow.metadata, str(path))
        weeks = tuple(_week_from(rows.read_row_group(g), meta) for g in range(rows.num_row_groups))
        names = [f.name for f in reports.schema]
        return cls(meta, weeks, Reports(*(reports[f].to_numpy() for f in names)))


class LogWriter:
    """Streams a log to disk, one row group a week; use as a context manager."""

    def __init__(self, folder: str | Path, meta: LogMeta) -> None:
        self.folder = Path(folder)
        self.meta = meta
        self._rows: pq.ParquetWriter | None = None
        self._reports: list[Reports] = []

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        return self

    def append(self, week: WeekLog) -> None:
        """Write one week."""
        table = week_table(week, self.meta, None).replace_schema_metadata(self.meta.to_bytes())
        if self._rows is None:
            self._rows = pq.ParquetWriter(self.folder / "log.parquet", table.schema, compression="zstd")
        self._rows.write_table(table, row_group_size=table.num_rows)

    def append_reports(self, reports: Reports) -> None:
        """Keep reports; written on exit."""
        self._reports.append(reports)

    def __exit__(self, *_: object) -> None:
        if self._rows is not None:
            self._rows.close()
        every = Reports.concat(self._reports)
        table = pa.table({f: getattr(every, f) for f in Reports.__dataclass_fields__})
        pq.write_table(table.replace_schema_metadata(self.meta.to_bytes()), self.folder / "reports.parquet")


def delayed_columns(week: WeekLog, reports: Reports) -> dict[str, NDArray[np.float32]]:
    """{delayed column: (n,)} amounts of `week` found in `reports`."""
    mine = reports.where(reports.accrual_week == week.week)
    order = np.argsort(week.user_id, kind="stable")
    at = np.searchsorted(week.user_id[order], mine.user_id)
    if len(mine) and ((at >= week.n).any() or (week.user_id[order[np.minimum(at, week.n - 1)]] != mine.user_id).any()):
        raise LogError(f"reports of week {week.week}: a user_id that the week's log does not hold")
    rows = order[at]
    out = {}
    for code, name in enumerate(DELAYED):
        is_mine = mine.column == code
        column = np.zeros(week.n, np.float64)
        np.add.at(column, rows[is_mine], mine.amount[is_mine])
        out[name] = column.astype(np.float32)
    return out


def week_table(week: WeekLog, meta: LogMeta, delayed: Mapping[str, NDArray[np.float32]] | None) -> pa.Table:
    """One week as Arrow rows; with `delayed` the whole ledger and `reward`, without it the immediate columns only."""
    data: dict[str, NDArray[np.generic]] = {
        "user_id": week.user_id,
        "week": np.full(week.n, week.week, np.int32),
        "unit": week.unit,
        "present": week.present,
        "arm": week.arm.astype(np.int16),
        "propensity": week.propensity,
    }
    if delayed is not None:
        ledger = {**week.columns, **delayed}
        data["reward"] = value(ledger, meta.retention_value_usd)
        data.update({c: ledger[c] for c in COLUMNS})
    else:
        data.update({c: week.columns[c] for c in IMMEDIATE})
    for j, name in enumerate(meta.feature_names):
        data[FEATURE_PREFIX + name] = week.features[:, j]
    if week.probs is not None:
        for a, name in enumerate(meta.arm_names):
            data[PROB_PREFIX + name] = week.probs[:, a]
    return pa.table(data)


def _week_from(table: pa.Table, meta: LogMeta) -> WeekLog:
    def column(name: str) -> NDArray[np.generic]:
        return np.asarray(table[name].to_numpy())

    n = table.num_rows
    features = [column(FEATURE_PREFIX + f) for f in meta.feature_names]
    has_probs = all(PROB_PREFIX + a in table.column_names for a in meta.arm_names)
    return WeekLog(
        week=int(table["week"][0].as_py()),
        user_id=column("user_id").astype(np.int64),
        unit=column("unit").astype(np.int64),
        present=column("present").astype(np.bool_),
        arm=column("arm").astype(np.int64),
        propensity=column("propensity").astype(np.float32),
        features=np.stack(features, axis=1).astype(np.float32) if features else np.empty((n, 0), np.float32),
        columns={c: column(c).astype(np.float32) for c in IMMEDIATE},
        probs=np.stack([column(PROB_PREFIX + a) for a in meta.arm_names], axis=1).astype(np.float32)
        if has_probs
        else None,
    )


def validate_log(table: pa.Table, *, k: int | None = None) -> pa.Table:
    """The table itself if it is a valid log; LogError naming column, row and rule otherwise. k: number of arms."""
    missing = [c for c in (*_KEYS, "reward") if c not in table.column_names]
    if missing:
        raise LogError(f"log lacks the columns {missing}; it has {table.column_names}")
    if table.num_rows == 0:
        raise LogError("log has no rows")
    for problem in _problems(table, k):
        raise LogError(problem)
    return table


def _problems(table: pa.Table, k: int | None) -> Iterator[str]:
    def numbers(name: str) -> NDArray[np.float64]:
        try:
            return np.asarray(table[name].to_numpy(zero_copy_only=False), dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise LogError(f"column {name}: must hold numbers, got {table.schema.field(name).type}") from error

    def first(bad: NDArray[np.bool_], name: str, rule: str, held: NDArray[np.generic]) -> Iterator[str]:
        if bad.any():
            row = int(np.argmax(bad))
            yield f"column {name}, row {row}: {rule}; got {held[row]} ({int(bad.sum())} such rows)"

    p, arm, reward = numbers("propensity"), numbers("arm"), numbers("reward")
    yield from first(~((p > 0) & (p <= 1)), "propensity", "must lie in (0, 1]", p)
    yield from first(~((arm >= 0) & (arm == np.floor(arm))), "arm", "must be a whole number from 0", arm)
    if k is not None:
        yield from first(arm >= k, "arm", f"must be one of the {k} arms 0..{k - 1}", arm)
    yield from first(~np.isfinite(reward), "reward", "must be finite", reward)
    for name in table.column_names:
        if name in COLUMNS:
            held = numbers(name)
            yield from first(~np.isfinite(held), name, "must be finite", held)
    yield from _duplicates(table)
    names = [c for c in table.column_names if c.startswith(PROB_PREFIX)]
    if names:
        probs = np.stack([numbers(c) for c in names], axis=1)
        yield from first(np.abs(probs.sum(axis=1) - 1) > 1e-4, "prob_*", "must sum to 1", probs.sum(axis=1))
        known = arm < len(names)
        taken = np.where(known, probs[np.arange(len(arm)), np.where(known, arm, 0).astype(np.int64)], p)
        yield from first(np.abs(taken - p) > 1e-5, "propensity", "must equal the prob_* entry of the arm taken", p)


def _each_once(table: pa.Table) -> bool:
    """Whether dense whole-number users and weeks stand there once each; False where that is not plain to see."""
    key = np.zeros(table.num_rows, np.int64)
    span = 1
    for name in ("user_id", "week"):
        if not pa.types.is_integer(table[name].type) or table[name].null_count:
            return False
        held = table[name].to_numpy()
        low, high = int(held.min()), int(held.max())
        span *= high - low + 1
        if span > 16 * table.num_rows:
            return False
        key = key * (high - low + 1) + (held.astype(np.int64, copy=False) - low)
    seen = np.zeros(span, np.bool_)
    seen[key] = True
    return bool(seen.sum() == table.num_rows)


def _duplicates(table: pa.Table) -> Iterator[str]:
    if _each_once(table):
        return
    counts = table.group_by(["user_id", "week"]).aggregate([([], "count_all")])
    twice = np.asarray(counts["count_all"].to_numpy()) > 1
    if twice.any():
        row = int(np.argmax(twice))
        yield (
            f"user {counts['user_id'][row].as_py()} has {counts['count_all'][row].as_py()} rows "
            f"in week {counts['week'][row].as_py()}; a log holds one row per user and week"
        )
