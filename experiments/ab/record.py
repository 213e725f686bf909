"""What is written down of one group, and what stops it: alarms of its monitors, or too many negative reactions."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from experiments.ab.comparison import Comparison
from experiments.ab.play import Week
from experiments.ab.seat import Seat, Stop
from experiments.ab.view import masked
from experiments.config_ab import Rollback
from experiments.monitors import Batch
from experiments.run_book import RunBook
from experiments.watch import Lived, Watch

__all__ = ["ROLLBACK", "Reactions", "Record"]

ROLLBACK = "rollback"
"""Stands for the label of a monitor where the rule on negative reactions stopped a group."""


class Reactions:
    """Negative reactions of the part of a group that a roll-out reaches first. Remembers sums to date."""

    def __init__(self, rule: Rollback, place: NDArray[np.float64]) -> None:
        self.rule, self.first = rule, place < rule.first
        self.count, self.user_weeks = 0.0, 0

    def add(self, served: NDArray[np.bool_], reactions: NDArray[np.float32]) -> None:
        """Take in a week. served: (m,) who was there and served; reactions: (m,)."""
        mine = self.first & served
        self.count += float(reactions[mine].sum(dtype=np.float64))
        self.user_weeks += int(mine.sum())

    @property
    def rate(self) -> float:
        """Reactions per user-week served so far, 0 before the first."""
        return self.count / self.user_weeks if self.user_weeks else 0.0

    @property
    def objection(self) -> str:
        """Why the group is to be rolled back; empty where it is not."""
        if self.user_weeks < self.rule.least_user_weeks or self.rate <= self.rule.limit:
            return ""
        return (
            f"{self.rate:.1%} negative reactions in {self.user_weeks} user-weeks of the first {self.rule.first:.0%} "
            f"of the group, at most {self.rule.limit:.1%} are allowed"
        )


class Record:
    """One group's book, monitors and rules."""

    def __init__(self, seat: Seat, book: RunBook, comparison: Comparison | None) -> None:
        self.seat, self.book, self.comparison = seat, book, comparison
        rule = seat.plan.rollback
        self.reactions = None if rule is None or comparison is None else Reactions(rule, seat.place)

    def enter(self, at: int, week: Week, ledger: Mapping[str, NDArray[np.float32]], value: NDArray[np.float64]) -> None:
        """Write down the week and stop the group where it is to be. at: place of the seat; value: (n,) completed."""
        turn, (log, reports) = week.turns[at], week.heard[at]
        assert turn.truth is not None
        whole = {c: v[self.seat.rows] for c, v in ledger.items()}
        compared = None if self.comparison is None else self.comparison.batch(log.week, value)
        lived = Lived(turn.truth, log, reports, value[self.seat.rows], compared, self._events(week))
        stopped = self.seat.stopped(log.week)
        if not stopped:
            self.book.measure(turn.truth, turn.decision.probs)
        self.book.enter(lived, turn.decision, whole, whole if turn.served.all() else masked(whole, turn.served))
        self.book.rows[-1] |= {"served": float(turn.served.mean()), "stopped": float(stopped)}
        if self.reactions is not None:
            self.reactions.add(log.present, log.columns["negative_reaction"])
        if self.comparison is not None and not stopped:
            self._stop(log.week)

    def _events(self, week: Week) -> Callable[[str], Batch] | None:
        if (pair := self.comparison) is None:
            return None
        return lambda column: pair.events(column, week.log, week.reports)

    def _stop(self, week: int) -> None:
        """Stop the group if a monitor that may do so has raised an alarm, or the roll-out goes down badly."""
        alarms = [w for w in self.book.watches if _alarmed(w) and self._may_stop(w)]
        if alarms:
            state = alarms[0].states[-1]
            why = f"{state.verdict}: estimate {state.estimate:.4g}; {state.null}"
            self.seat.stop = Stop(week, alarms[0].entry.label, why)
        elif self.reactions is not None and (why := self.reactions.objection):
            self.seat.stop = Stop(week, ROLLBACK, why)
        if self.seat.stop is not None:
            for watch in self.book.watches:
                watch.ended = True

    def _may_stop(self, watch: Watch) -> bool:
        allowed = self.seat.plan.stopped_by
        return allowed is None or watch.entry.label in allowed


def _alarmed(watch: Watch) -> bool:
    return watch.stop is not None and watch.stop.verdict == "harm"
