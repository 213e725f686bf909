"""Where each guardrail stands: sums to date as reported, and every user's own share of last week's cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rage_env.guardrails import Guardrail
from rage_env.log import Reports
from rage_env.outcomes import DELAYED, IMMEDIATE
from rage_env.state import CHUNK

__all__ = ["Standing"]


class Standing:
    """Remembers numerators and denominators of the run's own weeks, (g,) float64 each, as reported so far.

    assigned: (n,) slots that hold somebody at the start, all of them by default; others are counted nowhere.
    """

    def __init__(self, guardrails: tuple[Guardrail, ...], assigned: NDArray[np.bool_] | None = None) -> None:
        self.guardrails, self.assigned = guardrails, assigned
        self.numerator = np.zeros(len(guardrails))
        self.denominator = np.zeros(len(guardrails))

    def add_week(self, columns: Mapping[str, NDArray[Any]], present: NDArray[np.bool_]) -> None:
        """Count what a week's immediate columns (n,) show at once."""
        wanted = {c for g in self.guardrails for side in (g.numerator, g.denominator or {}) for c in side}
        totals = {c: _total(columns[c]) for c in wanted if c in IMMEDIATE}
        totals.update(present=float(present.sum()), assigned=float(self._of(present).sum()))
        self._add(totals)

    def _of(self, present: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """(n,) who counts as assigned."""
        return np.ones_like(present) if self.assigned is None else self.assigned

    def add_reports(self, reports: Reports) -> None:
        """Count reports that stem from the run's own weeks."""
        own = reports.where(reports.accrual_week >= 0)
        totals = {c: float(own.amounts(c).amount.sum(dtype=np.float64)) for c in DELAYED}
        self._add(totals)

    def _add(self, totals: Mapping[str, float]) -> None:
        for i, guardrail in enumerate(self.guardrails):
            self.numerator[i] += sum(w * totals.get(c, 0.0) for c, w in guardrail.numerator.items())
            self.denominator[i] += sum(w * totals.get(c, 0.0) for c, w in (guardrail.denominator or {}).items())

    def cost(
        self,
        columns: Mapping[str, NDArray[Any]],
        reports: Reports,
        slot: NDArray[np.int64],
        present: NDArray[np.bool_],
    ) -> NDArray[np.float32]:
        """(n, g) numerator - limit x denominator of the week just lived, delayed amounts as reported in it.

        columns: immediate ones (n,); slot: of each report.
        """
        n = len(present)
        out = np.zeros((len(self.guardrails), n), np.float32)
        head = {"present": present.astype(np.float32), "assigned": self._of(present).astype(np.float32)}
        for i, guardrail in enumerate(self.guardrails):
            sides = ((guardrail.numerator, 1.0), (guardrail.denominator or {}, -guardrail.limit))
            for column, weight in ((c, w * sign) for side, sign in sides for c, w in side.items()):
                if column in DELAYED:
                    mine = reports.column == DELAYED.index(column)
                    np.add.at(out[i], slot[mine], np.float32(weight) * reports.amount[mine])
                else:
                    counted: NDArray[np.float32] = head[column] if column in head else columns[column]
                    out[i] += np.float32(weight) * counted
        return out.T


def _total(column: NDArray[np.float32]) -> float:
    """The sum of a column (n,): chunk by chunk, in order, so that it is the same bits wherever chunks are summed."""
    return float(sum(column[at : at + CHUNK].sum(dtype=np.float64) for at in range(0, len(column), CHUNK)))
