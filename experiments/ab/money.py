"""What a group's agent cost it in dollars before a call, and what stopping at that call saves afterwards."""

from __future__ import annotations

from experiments.ab.record import Record
from experiments.ab.tape import Tape
from experiments.ab.truths import Truths
from experiments.metrics import Mean

__all__ = ["Money"]


class Money:
    """Dollars of the group before and after a stop, on tapes that are lived when first asked for."""

    def __init__(self, record: Record, truths: Truths) -> None:
        self.truths, self.rows = truths, truths.rows
        self.actual, self.alone = truths.actual, truths.alone()
        self.endless = truths.endless(record.seat)
        self.last = len(self.actual.value) - 1
        self.end = self.last if record.seat.stop is None else record.seat.stop.week

    def sides(self, metric: str, week: int, *, called: bool) -> tuple[float, float]:
        """(lost up to the week, saved after it): losses, or value with the sign turned."""
        lost = self._sum(self.endless, metric, 0, week) - self._sum(self.alone, metric, 0, week)
        if not called:
            return lost, 0.0
        cut = self.truths.cut(week, self.endless)
        saved = self._sum(self.endless, metric, week + 1, self.last) - self._sum(cut, metric, week + 1, self.last)
        return lost, saved

    def gain(self, week: int) -> Mean:
        """ab_truth up to this week."""
        return self.actual.gain(self.alone, self.rows, week)

    def _sum(self, tape: Tape, metric: str, first: int, last: int) -> float:
        table = -tape.value if metric == "value" else tape.loss
        return float(table[first : last + 1, self.rows].sum())
