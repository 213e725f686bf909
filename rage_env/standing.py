"""Where each guardrail stands: sums to date as reported, and every user's own share of last week's cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rage_env.guardrails import Guardrail
from rage_env.log import Reports
from rage_env.outcomes import DELAYED, IMMEDIATE, LEDGER
from rage_env.state import CHUNK

__all__ = ["Standing"]

_WHOLE = frozenset(c.name for c in LEDGER if c.unit in ("0/1", "count"))


class Standing:
    """Remembers numerators and denominators of the run's own weeks, (g,) float64 each, as reported so far.

    assigned: (n,) slots that hold somebody at the start, all of them by default; others are counted nowhere.
    """

    def __init__(self, guardrails: tuple[Guardrail, ...], assigned: NDArray[np.bool_] | None = None) -> None:
        self.guardrails, self.assigned = guardrails, assigned
        self.numerator = np.zeros(len(guardrails))
        self.denominator = np.zeros(len(guardrails))
        self.last_denominator = np.zeros(len(guardrails))  # what the last week lived added at once
        self._counted = {c for g in guardrails for side in (g.numerator, g.denominator or {}) for c in side}

    def add_week(self, columns: Mapping[str, NDArray[Any]], present: NDArray[np.bool_]) -> None:
        """Count what a week's immediate columns (n,) show at once."""
        self.add_sums([self.sums(columns, present)])

    def sums(
        self, columns: Mapping[str, NDArray[Any]], present: NDArray[np.bool_], rows: slice = slice(None)
    ) -> dict[str, list[float]]:
        """What these rows add, by stretches of CHUNK slots. columns, present: of these rows alone."""
        found = {c: _by_stretch(columns[c], whole=c in _WHOLE) for c in self._counted if c in IMMEDIATE}
        heads = {"present": present, "assigned": self._of(present, rows)}
        return found | {c: [float(np.count_nonzero(heads[c]))] for c in self._counted & heads.keys()}

    def add_sums(self, parts: Sequence[Mapping[str, list[float]]]) -> None:
        """Count a week of which each part holds the `sums` of some rows, in order."""
        totals = {c: float(sum(x for part in parts for x in part[c])) for c in parts[0]}
        before = self.denominator.copy()
        self._add(totals)
        self.last_denominator = self.denominator - before

    def _of(self, present: NDArray[np.bool_], rows: slice) -> NDArray[np.bool_]:
        """(m,) who counts as assigned among these rows."""
        return np.ones_like(present) if self.assigned is None else self.assigned[rows]

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
        out: NDArray[np.float32] | None = None,
        rows: slice = slice(None),
    ) -> NDArray[np.float32]:
        """(m, g) numerator - limit x denominator of the week just lived, delayed amounts as reported in it.

        columns: immediate ones (m,) of these rows; slot: of each report, counted from the first of them; out: (g, m) to
        write into, where there is one already.
        """
        out = np.empty((len(self.guardrails), len(present)), np.float32) if out is None else out
        heads = {"present": present, "assigned": self._of(present, rows)}
        books = {**columns, **{c: heads[c].astype(np.float32) for c in self._counted & heads.keys()}}
        for guardrail, row in zip(self.guardrails, out, strict=True):
            row[:] = 0
            sides = ((guardrail.numerator, 1.0), (guardrail.denominator or {}, -guardrail.limit))
            for column, weight in ((c, w * sign) for side, sign in sides for c, w in side.items()):
                if column in DELAYED:
                    mine = reports.column == DELAYED.index(column)
                    np.add.at(row, slot[mine], np.float32(weight) * reports.amount[mine])
                else:
                    np.add(row, books[column] if weight == 1 else np.float32(weight) * books[column], out=row)
        return out.T


def _by_stretch(column: NDArray[np.float32], *, whole: bool) -> list[float]:
    """Sums of a column (n,) chunk by chunk: added up in order they are the same bits wherever chunks are summed.

    whole: of numbers without a fraction, whose sum over a chunk is exact in float32 too.
    """
    dtype = np.float32 if whole else np.float64
    return [float(column[at : at + CHUNK].sum(dtype=dtype)) for at in range(0, len(column), CHUNK)]
