"""A week as Arrow rows, and back: the columns of a log's tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rage_env.errors import LogError
from rage_env.log_rows import LogMeta, Reports, WeekLog
from rage_env.outcomes import COLUMNS, DELAYED, IMMEDIATE, value

__all__ = ["FEATURE_PREFIX", "PROB_PREFIX", "delayed_columns", "reports_from", "week_from", "week_table"]

FEATURE_PREFIX = "x_"
PROB_PREFIX = "prob_"


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


def week_from(table: pa.Table, meta: LogMeta) -> WeekLog:
    """Inverse of week_table without delayed columns. Raises LogError naming column and rule."""
    week, arm, k = _held(table, "week"), _held(table, "arm"), len(meta.arm_names)
    if (week != week[0]).any():
        raise LogError(f"column week: a row group holds one week, got {week.min()} to {week.max()}")
    if (arm >= k).any():
        raise LogError(f"column arm: must be one of the {k} arms 0..{k - 1}; got {arm.max()}")
    probs = [PROB_PREFIX + a for a in meta.arm_names]
    return WeekLog(
        week=int(week[0]),
        user_id=_held(table, "user_id").astype(np.int64),
        unit=_held(table, "unit").astype(np.int64),
        present=_held(table, "present").astype(np.bool_),
        arm=arm.astype(np.int64),
        propensity=_held(table, "propensity").astype(np.float32),
        features=_matrix(table, [FEATURE_PREFIX + f for f in meta.feature_names]),
        columns={c: _held(table, c).astype(np.float32) for c in IMMEDIATE},
        probs=_matrix(table, probs) if set(probs) <= set(table.column_names) else None,
    )


def reports_from(table: pa.Table) -> Reports:
    """Reports as they were written. Raises LogError naming column and rule."""
    found = Reports(*(_held(table, name) for name in Reports.__dataclass_fields__))
    strange = (found.column < 0) | (found.column >= len(DELAYED))
    if strange.any():
        row = int(np.argmax(strange))
        raise LogError(f"reports row {row}: column is the index of one of {len(DELAYED)}; got {found.column[row]}")
    return found


def _held(table: pa.Table, name: str) -> NDArray[Any]:  # Any: numbers as wide as the file holds them
    empty = table[name].null_count
    if empty:
        raise LogError(f"column {name}: must not be empty ({empty} such rows)")
    return np.asarray(table[name].to_numpy())


def _matrix(table: pa.Table, names: Sequence[str]) -> NDArray[np.float32]:
    """(n, len(names)) columns side by side."""
    if not names:
        return np.empty((table.num_rows, 0), np.float32)
    return np.stack([_held(table, c) for c in names], axis=1).astype(np.float32)
