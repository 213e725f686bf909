"""A log of ours that was cut, edited or mixed up is told by file, column and rule; never with a traceback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rage_env.errors import LogError
from rage_env.log import CohortLog, LogMeta, Reports, WeekLog
from rage_env.outcomes import IMMEDIATE, LEDGER_VERSION

Change = Callable[[pa.Table], pa.Table]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four users, one week, two arms, one feature."""
    week = WeekLog(
        week=0,
        user_id=np.arange(4),
        unit=np.arange(4),
        present=np.ones(4, np.bool_),
        arm=np.array([0, 1, 0, 1]),
        propensity=np.full(4, 0.5, np.float32),
        features=np.zeros((4, 1), np.float32),
        columns={c: np.zeros(4, np.float32) for c in IMMEDIATE},
        probs=np.full((4, 2), 0.5, np.float32),
    )
    return CohortLog(LogMeta(("none", "mail"), ("age",)), (week,)).write(tmp_path / "log")


def rewrite(folder: Path, change: Change) -> None:
    table = pq.read_table(folder / "log.parquet")
    changed = change(table)
    pq.write_table(
        changed.replace_schema_metadata(changed.schema.metadata or table.schema.metadata), folder / "log.parquet"
    )


def put(column: str, value: float) -> Change:
    def change(table: pa.Table) -> pa.Table:
        held = table[column].to_numpy().copy()
        held[2] = value
        return table.set_column(table.column_names.index(column), column, pa.array(held))

    return change


def text(table: pa.Table) -> pa.Table:
    return table.set_column(table.column_names.index("arm"), "arm", pa.array(["x"] * 4))


def empty_cells(table: pa.Table) -> pa.Table:
    return table.set_column(table.column_names.index("arm"), "arm", pa.array([None] * 4, pa.int16()))


def test_a_whole_log_is_read_with_everything_settled(folder: Path) -> None:
    log = CohortLog.read(folder)
    assert log.as_of().num_rows == 4
    assert log.meta.arm_names == ("none", "mail")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (put("propensity", 0.0), r"row 2 \(user 2\): propensity lies in \(0, 1\]; got 0.0"),
        (put("propensity", np.nan), "propensity .* got nan"),
        (put("gmv", np.nan), "gmv is finite; got nan"),
        (put("arm", 9), "column arm: must be one of the 2 arms 0..1; got 9"),
        (lambda t: t.drop_columns(["arm"]), "lacks the columns arm"),
        (lambda t: t.drop_columns(["gmv", "x_age"]), "lacks the columns gmv, x_age"),
        (lambda t: t.drop_columns(["prob_mail"]), "lacks the columns prob_mail"),
        (put("week", 7), "column week: a row group holds one week, got 0 to 7"),
        (lambda t: t.slice(0, 0), "holds no rows"),
        (text, "column arm: must hold numbers, holds string"),
        (empty_cells, r"column arm: must not be empty \(4 such rows\)"),
        (lambda t: t.replace_schema_metadata({b"rage": b'{"ledger'}), "'rage' metadata are damaged"),
        (
            lambda t: t.replace_schema_metadata({b"rage": b'{"ledger_version": %d}' % LEDGER_VERSION}),
            "'rage' metadata are damaged",
        ),
        (lambda t: t.replace_schema_metadata({b"other": b"x"}), "not a RAGE log"),
    ],
)
def test_what_was_done_to_the_rows_is_told_with_the_file_and_the_rule(folder: Path, change: Change, said: str) -> None:
    rewrite(folder, change)
    with pytest.raises(LogError, match=said) as refused:
        CohortLog.read(folder)
    assert str(folder) in str(refused.value)


@pytest.mark.parametrize("name", ["log.parquet", "reports.parquet"])
def test_a_file_that_is_missing_cut_short_or_another_table_is_named(folder: Path, name: str) -> None:
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(LogError, match=rf"{name}: is no whole Parquet file"):
        CohortLog.read(folder)
    pq.write_table(pa.table({"a": [1]}), folder / name)
    with pytest.raises(LogError, match=rf"{name}: (lacks the columns|not a RAGE log)"):
        CohortLog.read(folder)
    (folder / name).unlink()
    with pytest.raises(LogError, match=rf"{name}: no such file"):
        CohortLog.read(folder)


def late(column: int = 0, user: int = 1) -> Reports:
    z = np.zeros(1, np.int32)
    return Reports(np.array([user]), z, z, np.array([column], np.int8), np.ones(1, np.float32))


def test_a_report_of_a_column_that_is_not_late_is_refused(folder: Path) -> None:
    whole = CohortLog.read(folder)
    assert CohortLog.read(CohortLog(whole.meta, whole.weeks, late()).write(folder)).reports.column.tolist() == [0]
    CohortLog(whole.meta, whole.weeks, late(column=99)).write(folder)
    with pytest.raises(LogError, match=r"reports row 0: column is the index of one of .*; got 99"):
        CohortLog.read(folder)
