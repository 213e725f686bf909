"""Answers `rage stream`: a lived world as records, one JSON object a line, at a steady pace.

What a record says depends on the scenario and the seed alone, except for `made_with` and for `emitted_at`, its last
field. Each record says all of its origin, for whoever reads a topic from the middle.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event

from experiments import provenance
from experiments.data_files import plain_rows
from experiments.history import History, LivedWeek, Plan
from experiments.interrupts import stopped_by_signals
from experiments.progress import Progress
from experiments.sinks import ReaderGoneError, Sink
from rage_env.errors import ConfigError
from rage_env.log import FEATURE_PREFIX, LogMeta
from rage_env.log_tables import week_table
from rage_env.outcomes import DELAYED, IMMEDIATE

__all__ = ["MOST_WEEKS", "RECORD_VERSION", "Pace", "emit", "records", "stream_command"]

RECORD_VERSION = 2
"""Raised whenever a field of a record changes; 2 has `made_with`."""

MOST_WEEKS = 10_000
"""As long as a scenario may be: a stream has no end of its own, so what it says does not depend on its duration."""

_ROWS_AT_ONCE = 1_000
_SECONDS = 60

Record = dict[str, object]


@dataclass(frozen=True)
class Pace:
    """So many records a minute, for so many minutes. Raises ConfigError for what is no pace."""

    rate: float
    duration: float

    def __post_init__(self) -> None:
        for name, held, unit in (("rate", self.rate, "records a minute"), ("duration", self.duration, "minutes")):
            if not math.isfinite(held) or held <= 0:
                raise ConfigError(f"--{name}: must be a number of {unit} above 0, got {held:g}")

    @property
    def records(self) -> int:
        """Records in all, at least one."""
        return max(1, round(self.rate * self.duration))

    def check_users(self, users: int) -> None:
        """Raises ConfigError for users too few to fill the records before the world ends."""
        weeks = -(-self.records // users)
        if weeks > MOST_WEEKS:
            least = -(-self.records // MOST_WEEKS)
            raise ConfigError(
                f"--users: {users} users would have to live {weeks} weeks to fill {self.records} records, and a world "
                f"ends after {MOST_WEEKS}; give --users {least} or more"
            )

    def due(self, sequence: int) -> float:
        """Seconds after the start at which this record is due; the first at once."""
        return sequence * _SECONDS / self.rate


def stream_command(plan: Plan, pace: Pace, open_sink: Callable[[], Sink], *, wait: bool) -> None:
    """Emit records until the duration is over, a signal comes or the reader goes; says on standard error how many.

    open_sink: called once the world stands. wait: keep the pace, or go as fast as it can.
    """
    history = History(plan)
    sink = open_sink()
    tell = Progress(pace.records, enabled=True)
    with stopped_by_signals() as stop:
        sent, why = emit(records(history), pace, sink, stop, wait=wait)
    tell.line(f"{sent} of {pace.records} records sent{why}")


def emit(found: Iterator[Record], pace: Pace, sink: Sink, stop: Event, *, wait: bool = True) -> tuple[int, str]:
    """(records sent, why not all of them) when done; every record is sent whole or not at all."""
    began, sent, why = time.monotonic(), 0, ""
    try:
        for record in found:
            if sent == pace.records:
                break
            late = began + pace.due(sent) - time.monotonic() if wait else 0.0
            if stop.wait(late) if late > 0 else stop.is_set():
                why = ": stopped"
                break
            now = datetime.now(UTC).isoformat(timespec="milliseconds")
            sink.send(str(record["user_id"]), json.dumps({**record, "emitted_at": now}, allow_nan=False))
            sent += 1
        else:
            why = ": the world came to its end" if sent < pace.records else ""
    except ReaderGoneError:
        why = ": nobody reads on"
    sink.close()
    return sent, why


def records(history: History) -> Iterator[Record]:
    """Week after week: a `week` record for each user there, then a `report` for each delayed amount now known."""
    plan = history.plan
    source = {
        "schema_version": RECORD_VERSION,
        "scenario": plan.world.name,
        "scenario_hash": plan.scenario_hash,
        "seed": plan.seed,
        "policy": plan.policy,
        "made_with": provenance.brief(),
    }
    meta = LogMeta(history.env.arm_names, history.env.features.names)
    sequence = 0
    for lived in history.weeks():
        for record in _of_week(lived, meta):
            yield {**source, "sequence": sequence, **record}
            sequence += 1


def _of_week(lived: LivedWeek, meta: LogMeta) -> Iterator[Record]:
    when = {"week": lived.log.week}
    table = week_table(lived.log, meta, None)
    for start in range(0, table.num_rows, _ROWS_AT_ONCE):
        for row in plain_rows(table.slice(start, _ROWS_AT_ONCE)):
            if row["present"]:
                yield {"kind": "week", "event_time": when, **_user_week(row, meta)}
    late = lived.reports
    for i in range(len(late)):
        yield {
            "kind": "report",
            "event_time": when,
            "user_id": int(late.user_id[i]),
            "column": DELAYED[late.column[i]],
            "accrual_week": int(late.accrual_week[i]),
            "amount": float(str(late.amount[i])),
        }


def _user_week(row: Mapping[str, object], meta: LogMeta) -> Record:
    """What was known before the week, what was done, and what of the week is known as it ends."""
    arm = row["arm"]
    assert isinstance(arm, int)
    return {
        "user_id": row["user_id"],
        "features": {name: row[FEATURE_PREFIX + name] for name in meta.feature_names},
        "arm": meta.arm_names[arm],
        "propensity": row["propensity"],
        "outcomes": {column: row[column] for column in IMMEDIATE},
    }
