"""What a cohort lived through, week by week by user, and how it would have lived under other arms."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from experiments.cohorts import Stage, live
from experiments.metrics import Mean, UserTotals, paired
from rage_env.outcomes import LOSSES, net_revenue

__all__ = ["Tape", "relive"]

Ints = NDArray[np.int64]
_BOOKED = (*LOSSES, "revenue_gross", "bonus_cost", "contact_cost", "churned", "active")


class Tape:
    """Arms as lived, value and losses by accrual, pending reports included; (weeks, n) each, usd."""

    def __init__(self, weeks: int, n: int, retention_value_usd: float) -> None:
        self.retention_value_usd = retention_value_usd
        self.arm = np.zeros((weeks, n), np.int64)
        self.value, self.loss = np.zeros((weeks, n)), np.zeros((weeks, n))
        self._totals = {name: np.zeros(n) for name in ("value", "net_revenue", "active")}

    def note(self, week: int, arm: Ints, ledger: Mapping[str, NDArray[np.float32]]) -> None:
        """Take in a week."""
        self.arm[week] = arm
        books = {c: ledger[c].astype(np.float64) for c in _BOOKED}
        net = net_revenue(books)
        self.value[week] = net - self.retention_value_usd * books["churned"]
        self.loss[week] = sum(books[c] for c in LOSSES)
        for name, now in (("value", self.value[week]), ("net_revenue", net), ("active", books["active"])):
            self._totals[name] += now

    def totals_of(self, rows: Ints) -> UserTotals:
        """Totals of some users."""
        mine = UserTotals(len(rows), self.retention_value_usd)
        for name, total in self._totals.items():
            setattr(mine, name, total[rows])
        mine.weeks = len(self.value)
        return mine

    def gain(self, other: Tape, rows: Ints, week: int) -> Mean:
        """Value beyond that of the same users on the other tape, usd per assigned user-week up to `week` inclusive."""
        mine, theirs = (t.value[: week + 1, rows].sum(axis=0) for t in (self, other))
        return paired(mine, theirs, week + 1)

    def gains(self, other: Tape, rows: Ints) -> NDArray[np.float64]:
        """(weeks,) the same up to every week, without intervals."""
        by_week = (self.value[:, rows] - other.value[:, rows]).mean(axis=1)
        return np.asarray(np.cumsum(by_week) / np.arange(1, len(by_week) + 1), np.float64)


def relive(stage: Stage, arm: NDArray[np.int64]) -> Tape:
    """The same world under these arms, (weeks, n): same people, same luck. Who has left is left alone."""
    env, _ = stage.open()
    tape = Tape(len(arm), arm.shape[1], env.scenario.retention_value_usd)
    for week, row in enumerate(arm):
        live(env, row)
        tape.note(week, row, env.truth.ledger())
    return tape
