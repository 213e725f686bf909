"""Follows single customers from the week they join to the week they leave, one after the other.

The world's clock ticks in weeks: a span of days is lived as the weeks it touches, and a row is a customer's week.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from experiments.data_files import Format
from experiments.data_tables import truth_weekly_table
from experiments.hidden import Depth
from experiments.history import History, Plan
from experiments.interrupts import told_of_an_end
from experiments.simulate import print_files
from experiments.single_file import SingleFile, format_of
from rage_env.errors import ConfigError
from rage_env.log import LogMeta, Reports
from rage_env.log_tables import delayed_columns, week_table

__all__ = ["lifecycle_command", "lives", "weeks_of"]

_DAYS = 7
_ABOUT = "a row a customer and week, customer by customer from joining to leaving; day: first day of the week"


def weeks_of(days: int) -> int:
    """Weeks that a span of days touches. Raises ConfigError for less than a day."""
    if days < 1:
        raise ConfigError(f"--days: at least one day, got {days}")
    return -(-days // _DAYS)


def lifecycle_command(plan: Plan, out: Path, *, kind: Format | None, depth: Depth, force: bool, as_json: bool) -> None:
    """Write the lives of the plan's users, all newborn, to one file; print what was written."""
    file = SingleFile(out, format_of(out, kind), force=force)
    with told_of_an_end(out):
        newborn = replace(plan, newborn=True)
        history = History(newborn, depth)
        files = file.write(_ABOUT, *lives(history), newborn, history.env.features)
    print_files(files, out.parent, as_json=as_json)


def lives(history: History) -> tuple[pa.Table, pa.Table | None]:
    """Every week of every customer while there, with all that is known of it at the end; and the truth of the same."""
    weeks = list(history.weeks())
    env, plan = history.env, history.plan
    meta = LogMeta(env.arm_names, env.features.names, plan.world.retention_value_usd)
    known = Reports.concat([w.reports for w in weeks])
    told = [week_table(w.log, meta, delayed_columns(w.log, known)) for w in weeks]
    truth = [truth_weekly_table(w) for w in weeks if w.hidden is not None]
    present = np.concatenate([w.log.present for w in weeks])
    rows = _by_customer(told, present)
    day = pa.array(np.asarray(rows["week"].to_numpy()) * _DAYS, pa.int32())
    rows = rows.add_column(rows.column_names.index("week") + 1, "day", day).drop_columns(["present"])
    return rows, _by_customer(truth, present) if truth else None


def _by_customer(weeks: Iterable[pa.Table], present: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> pa.Table:
    rows = pa.concat_tables(list(weeks)).filter(pa.array(present))
    return rows.sort_by([("user_id", "ascending"), ("week", "ascending")])
