"""A log says what was decided and what was known when; whatever breaks its rules is refused by name and row."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rage_env.errors import LogError
from rage_env.log import CohortLog, LogMeta, LogWriter, Reports, WeekLog, validate_log
from rage_env.outcomes import COLUMNS, DELAYED, IMMEDIATE

META = LogMeta(
    arm_names=("no_offer", "nudge"), feature_names=("a", "b"), retention_value_usd=80.0, scenario="tiny", seed=3,
    reported_share={"loss_fraud": (0.0, 0.5, 1.0)},
)  # fmt: skip


def week(number: int = 0, **change: Any) -> WeekLog:  # Any: fields of WeekLog
    columns = {c: np.zeros(3, np.float32) for c in IMMEDIATE}
    columns["revenue_gross"] = np.array([5.0, 7.0, 0.0], np.float32)
    columns["churned"] = np.array([0.0, 1.0, 0.0], np.float32)
    held: dict[str, Any] = {
        "week": number,
        "user_id": np.array([12, 10, 11]),
        "unit": np.array([12, 10, 11]),
        "present": np.array([True, True, False]),
        "arm": np.array([1, 0, 0]),
        "propensity": np.array([0.25, 0.75, 1.0], np.float32),
        "features": np.arange(6, dtype=np.float32).reshape(3, 2),
        "columns": columns,
        "probs": np.array([[0.75, 0.25], [0.75, 0.25], [1.0, 0.0]], np.float32),
    }
    return WeekLog(**{**held, **change})


def report(user: int, accrual: int, reported: int, amount: float, column: str = "loss_fraud") -> Reports:
    return Reports(
        np.array([user]), np.array([accrual], np.int32), np.array([reported], np.int32),
        np.array([DELAYED.index(column)], np.int8), np.array([amount], np.float32),
    )  # fmt: skip


def log() -> CohortLog:
    reports = [
        report(10, 0, 1, 2.5),
        report(12, 0, 2, 4.0, "loss_credit"),
        report(10, 1, 3, 1.0),
        report(11, 0, 2, 9.0),
    ]
    return CohortLog(META, (week(0), week(1)), Reports.concat(reports))


def test_a_log_comes_back_from_disk_as_it_was(tmp_path: Path) -> None:
    folder = log().write(tmp_path / "run")
    again = CohortLog.read(folder)
    assert again.meta == META
    assert again.as_of().equals(log().as_of())
    assert again.as_of(1).equals(log().as_of(1))
    for mine, theirs in zip(again.weeks, log().weeks, strict=True):
        for field in dataclasses.fields(WeekLog):
            one, other = getattr(mine, field.name), getattr(theirs, field.name)
            if field.name == "columns":
                assert all((one[c] == other[c]).all() for c in IMMEDIATE)
            else:
                assert np.array_equal(one, other), field.name
    for name in Reports.__dataclass_fields__:
        assert (getattr(again.reports, name) == getattr(log().reports, name)).all()
    assert pq.ParquetFile(folder / "log.parquet").num_row_groups == 2


def test_a_log_without_probabilities_or_reports_comes_back_too(tmp_path: Path) -> None:
    with LogWriter(tmp_path, META) as writer:
        writer.append(week(0, probs=None))
    again = CohortLog.read(tmp_path)
    assert again.weeks[0].probs is None
    assert len(again.reports) == 0


def column(table: pa.Table, name: str) -> list[float]:
    return [float(x) for x in table[name].to_pylist()]


def test_what_is_known_grows_by_the_week_it_was_reported() -> None:
    at = {w: log().as_of(w) for w in (0, 1, 2, 3)}
    assert column(at[0], "loss_fraud") == [0.0, 0.0, 0.0]
    assert column(at[1], "loss_fraud") == [0.0, 2.5, 0.0, 0.0, 0.0, 0.0]
    assert column(at[2], "loss_fraud") == [0.0, 2.5, 9.0, 0.0, 0.0, 0.0]
    assert column(at[3], "loss_fraud") == [0.0, 2.5, 9.0, 0.0, 1.0, 0.0]
    assert column(at[2], "loss_credit") == [4.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    assert at[3].equals(log().as_of())


def test_reward_is_value_with_what_is_known_by_then() -> None:
    assert column(log().as_of(0), "reward") == [5.0, -73.0, 0.0]
    assert column(log().as_of(), "reward")[:3] == [1.0, -75.5, -9.0]
    assert set(COLUMNS) < set(log().as_of().column_names)


def test_a_week_beyond_the_log_and_reports_of_strangers_are_refused() -> None:
    with pytest.raises(LogError, match="no week up to -1"):
        log().as_of(-1)
    stranger = CohortLog(META, (week(0),), report(99, 0, 1, 1.0))
    with pytest.raises(LogError, match="reports of week 0: a user_id"):
        stranger.as_of()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"propensity": np.array([0.25, 0.0, 1.0], np.float32)},
            r"week 4, row 1 \(user 10\): propensity lies in \(0, 1\]; got 0.0",
        ),
        ({"propensity": np.array([1.25, 0.75, 1.0], np.float32)}, "propensity lies in"),
        ({"propensity": np.array([np.nan, 0.75, 1.0], np.float32)}, "propensity lies in"),
        ({"arm": np.array([1, -1, 0])}, "arm is an index of an arm; got -1"),
        ({"arm": np.array([1, 0, 1])}, r"row 2 \(user 11\): arm is 0 with propensity 1 after a user left"),
        ({"propensity": np.array([0.25, 0.75, 0.5], np.float32)}, "after a user left"),
        ({"propensity": np.array([0.75, 0.75, 1.0], np.float32)}, "equals the probability of the arm taken"),
        ({"probs": np.array([[0.5, 0.25], [0.75, 0.25], [1.0, 0.0]], np.float32)}, "probs sum to 1"),
        ({"unit": np.array([1, 2])}, "unit has 2 rows for 3 users"),
        ({"features": np.zeros((2, 2), np.float32)}, "features has 2 rows"),
        ({"columns": {}}, "columns missing"),
        ({"columns": {c: np.zeros(3, np.float32) for c in COLUMNS}}, "not immediate ledger columns"),
        ({"columns": {c: np.full(3, np.nan, np.float32) for c in IMMEDIATE}}, "active is finite; got nan"),
        ({"columns": {c: np.zeros(4, np.float32) for c in IMMEDIATE}}, "active has 4 rows for 3 users"),
    ],
)
def test_a_week_that_breaks_a_rule_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(LogError, match=message):
        week(4, **change)


def test_reports_from_before_they_happened_or_of_uneven_length_are_refused() -> None:
    with pytest.raises(LogError, match="row 0: reported in week 1, before it happened"):
        report(1, 2, 1, 1.0)
    with pytest.raises(LogError, match="different lengths"):
        Reports(
            np.zeros(2, np.int64),
            np.zeros(1, np.int32),
            np.zeros(1, np.int32),
            np.zeros(1, np.int8),
            np.zeros(1, np.float32),
        )


def test_files_that_are_no_log_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(LogError, match=r"log\.parquet: no such file"):
        CohortLog.read(tmp_path)
    for name in ("log.parquet", "reports.parquet"):
        (tmp_path / name).write_text("hello")
    with pytest.raises(LogError, match=r"log\.parquet: is no whole Parquet file"):
        CohortLog.read(tmp_path)
    pq.write_table(pa.table({"a": [1]}), tmp_path / "log.parquet")
    pq.write_table(pa.table({"a": [1]}), tmp_path / "reports.parquet")
    with pytest.raises(LogError, match="not a RAGE log"):
        CohortLog.read(tmp_path)
    dataclasses.replace(log(), meta=dataclasses.replace(META, ledger_version=99)).write(tmp_path)
    with pytest.raises(LogError, match="ledger version 99, this RAGE reads"):
        CohortLog.read(tmp_path)


def table(**change: list[Any]) -> pa.Table:  # Any: cells of every type
    held: dict[str, list[Any]] = {
        "user_id": [1, 2, 2], "week": [0, 0, 1], "arm": [0, 1, 1], "propensity": [0.5, 0.5, 0.2],
        "reward": [1.0, 2.0, 0.0],
        "gmv": [3.0, 0.0, 1.0], "prob_a": [0.5, 0.5, 0.8], "prob_b": [0.5, 0.5, 0.2],
    }  # fmt: skip
    return pa.table({k: v for k, v in {**held, **change}.items() if v})


def test_a_valid_table_is_returned_as_it_is() -> None:
    given = table()
    assert validate_log(given, k=2) is given
    assert validate_log(log().as_of(), k=2).num_rows == 6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reward": []}, r"lacks the columns \['reward'\]"),
        ({"propensity": [0.5, 0.0, 0.2]}, r"column propensity, row 1: must lie in \(0, 1\]; got 0.0"),
        ({"propensity": [0.5, 0.5, 0.4]}, "must equal the prob_\\* entry of the arm taken"),
        ({"arm": [0, 1, -1]}, "column arm, row 2: must be a whole number"),
        ({"arm": [0.0, 0.5, 1.0]}, "column arm, row 1: must be a whole number"),
        ({"arm": [0, 1, 2]}, "must be one of the 2 arms"),
        ({"reward": [1.0, float("nan"), 0.0]}, "column reward, row 1: must be finite"),
        ({"gmv": [1.0, float("inf"), 0.0]}, "column gmv, row 1: must be finite"),
        ({"arm": ["a", "b", "c"]}, "column arm: must hold numbers"),
        ({"week": [0, 0, 0]}, "user 2 has 2 rows in week 0"),
        ({"prob_b": [0.5, 0.4, 0.2]}, r"column prob_\*, row 1: must sum to 1"),
    ],
)
def test_a_table_that_breaks_a_rule_is_refused(change: dict[str, list[Any]], message: str) -> None:
    with pytest.raises(LogError, match=message):
        validate_log(table(**change), k=2)


def test_an_empty_table_is_refused() -> None:
    with pytest.raises(LogError, match="log has no rows"):
        validate_log(table().slice(0, 0))
