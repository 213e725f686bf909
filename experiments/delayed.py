"""What a log of ours says at a date of columns that become known late, by a rule that the answer names.

`settled` takes the log as it ended. `matured_only` keeps the weeks of which everything is known by the date.
`inverse_reported_share` keeps younger ones too and divides a late amount by the share that the delay law says is known
at its age (an inverse-probability weight in age, since the delay never depends on whether anything happens).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rage_env.errors import InputError
from rage_env.log import CohortLog
from rage_env.outcomes import COLUMNS, DELAYED, value

__all__ = ["LEAST_SHARE", "DelayRule", "Known", "known_by"]

DelayRule = Literal["settled", "matured_only", "inverse_reported_share"]

LEAST_SHARE = 0.25
"""Weeks of which less is known are left out: one dollar would stand for more than four (decision 0014)."""


@dataclass(frozen=True, eq=False)
class Known:
    """Rows of a log as they count at a date, and how that came about."""

    table: pa.Table
    note: str  # "" where everything is settled


def known_by(log: CohortLog, rule: str = "settled", week: int | None = None) -> Known:
    """The log as known by the end of `week` (None: of its last one). Raises InputError for another rule or week."""
    if rule not in get_args(DelayRule):
        raise InputError(f"delayed columns: rule must be one of {', '.join(get_args(DelayRule))}; got {rule!r}")
    if rule == "settled":
        if week is not None:
            raise InputError("delayed columns: settled is how the log ended; with a date, say matured_only")
        return Known(log.as_of(), "")
    last = max(w.week for w in log.weeks)
    date = last if week is None else week
    if not log.weeks[0].week <= date <= last:
        raise InputError(f"as of week {date}: the log has weeks {log.weeks[0].week} to {last}; give one of them")
    found = _matured(log, date) if rule == "matured_only" else _scaled(log, date)
    return Known(found[0], f"as of week {date}, delayed columns by {rule}: {found[1]}")


def _shares(log: CohortLog) -> dict[str, NDArray[np.float64]]:
    """{delayed column: (T,) share known by age}. Raises InputError where the log does not say."""
    missing = [c for c in DELAYED if not len(log.meta.reported_share.get(c, ()))]
    if missing:
        raise InputError(f"delayed columns: the log does not say how late {', '.join(missing)} become known")
    return {c: np.asarray(log.meta.reported_share[c], dtype=np.float64) for c in DELAYED}


def _matured(log: CohortLog, date: int) -> tuple[pa.Table, str]:
    oldest = max(len(s) for s in _shares(log).values()) - 1
    table = _until(log, date, date - oldest, f"nothing is matured: amounts take up to {oldest} weeks")
    return table, f"weeks up to {date - oldest} alone, of which all is known after {oldest}"


def _scaled(log: CohortLog, date: int) -> tuple[pa.Table, str]:
    shares = _shares(log)

    def known(column: str, age: int) -> float:
        return float(shares[column][min(age, len(shares[column]) - 1)])

    ages = [a for a in range(date + 1) if min(known(c, a) for c in DELAYED) >= LEAST_SHARE]
    if not ages:
        raise InputError(f"as of week {date}: no week has {LEAST_SHARE:.0%} of its losses reported; wait, or end later")
    youngest = ages[0]
    table = _until(log, date, date - youngest, f"no week has {LEAST_SHARE:.0%} of its losses reported")
    age = date - np.asarray(table["week"].to_numpy()).astype(np.int64)
    ledger = {c: np.asarray(table[c].to_numpy()) for c in COLUMNS}
    for column in DELAYED:
        by_age = np.array([max(known(column, a), LEAST_SHARE) for a in range(int(age.max()) + 1)])
        ledger[column] = (ledger[column] / by_age[age]).astype(np.float32)
    ledger["reward"] = value(ledger, log.meta.retention_value_usd)
    for column in (*DELAYED, "reward"):
        table = table.set_column(table.column_names.index(column), column, pa.array(ledger[column]))
    return table, f"weeks up to {date - youngest}, late amounts divided by the share known at their age"


def _until(log: CohortLog, date: int, last: int, otherwise: str) -> pa.Table:
    """Rows of weeks up to `last`, as reported by `date`."""
    if last < log.weeks[0].week:
        raise InputError(f"as of week {date}: {otherwise}, and the log begins in week {log.weeks[0].week}")
    table = log.as_of(date)
    return table.filter(pa.array(np.asarray(table["week"].to_numpy()) <= last))
