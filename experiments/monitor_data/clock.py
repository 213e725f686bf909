"""When a row is of: a whole number is a week as it stands, a date falls into a week of seven days since the first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from experiments.monitor_data.rows import Ints
from rage_env.errors import LogError

__all__ = ["Clock"]

_DAYS = 7
_FURTHEST = 10**6  # weeks; beyond it a number is no week but an identifier, or seconds


@dataclass(eq=False)
class Clock:
    """Remembers the first date, from which weeks are counted; None until one comes, and where weeks are numbers."""

    first: date | None = None
    numbers: bool | None = None

    def week(self, moment: object, where: str) -> int:
        """The week of one moment. Raises LogError."""
        if isinstance(moment, bool) or not isinstance(moment, int | str):
            raise LogError(f"{where}: must be a whole number of weeks or a date such as 2026-03-31, got {moment!r}")
        numbers = isinstance(moment, int)
        if self.numbers is not None and numbers != self.numbers:
            raise LogError(
                f"{where}: got {moment!r} where {'weeks' if self.numbers else 'dates'} came before; keep one"
            )
        if isinstance(moment, int):
            self.numbers = True
            return self._near(moment, where)
        day = _day(moment, where)
        self.numbers, self.first = False, self.first or day
        return (day - self.first).days // _DAYS

    def weeks(self, column: pa.ChunkedArray, name: str) -> Ints:
        """(n,) weeks of a column without gaps; dates count from its earliest. Raises LogError."""
        where = f"column {name} (time)"
        kind = column.type
        if pa.types.is_floating(kind) and pc.all(pc.equal(column, pc.floor(column))).as_py():
            column, kind = column.cast(pa.int64(), safe=False), pa.int64()
        if pa.types.is_integer(kind):
            self.numbers = True
            found = np.asarray(column.cast(pa.int64(), safe=False).to_numpy(), np.int64)
            for extreme in (found.min(), found.max()):
                self._near(int(extreme), where)
            return found
        try:
            days = column.cast(pa.timestamp("s")).cast(pa.date32(), safe=False) if kind != pa.date32() else column
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise LogError(
                f"{where}: must hold whole numbers of weeks or dates such as 2026-03-31, got {kind} ({column[0]})"
            ) from error
        count = np.asarray(days.cast(pa.int32()).to_numpy(), np.int64)
        self.numbers, self.first = False, date.fromordinal(date(1970, 1, 1).toordinal() + int(count.min()))
        return np.asarray((count - count.min()) // _DAYS, np.int64)

    @staticmethod
    def _near(week: int, where: str) -> int:
        if abs(week) > _FURTHEST:
            raise LogError(f"{where}: {week} is no week; number weeks from 0, or give dates such as 2026-03-31")
        return week


def _day(moment: str, where: str) -> date:
    try:
        return datetime.fromisoformat(moment).date()
    except ValueError:
        raise LogError(f"{where}: must be a week or a date such as 2026-03-31, got {moment!r}") from None
