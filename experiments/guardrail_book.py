"""Where a run's guardrails stand, week by week: in truth, as it turned out, and as it was known at the time.

True slack is by conditional means at the probabilities drawn from and alone decides what counts as violated.
Realised slack is the settled ledger of the week: luck included. Reported slack is run to date: what had been reported
by the week's end over what of the same accrual weeks should have been. All are limit minus usage, in the limit's unit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.week_truth import Judged, WeekTruth, expected
from rage_env.guardrails import Guardrail, Row, true_usage, weighted_sum
from rage_env.interface import NO_OFFER
from rage_env.log import Reports
from rage_env.outcomes import DELAYED

__all__ = ["WINDOW_WEEKS", "Entry", "GuardrailBook"]

WINDOW_WEEKS = {"week": 1, "month": 4, "run": 1_000_000}
"""Weeks after which a horizon's sums begin anew."""

Columns = Mapping[str, NDArray[np.floating]]


@dataclass(frozen=True)
class Entry:
    """One guardrail in one week. Slack is NaN where nothing can be said yet, or too little is expected to be judged."""

    slack_true: float
    slack_realised: float
    slack_reported: float
    violated: bool
    unavoidable: bool


@dataclass
class _Sums:
    """One row's sums since its window began."""

    usage: float = 0.0
    usage_no_offer: float = 0.0
    allowance: float = 0.0
    count: float = 0.0  # expected numerator
    denominator: float = 0.0
    broken: bool = False


class GuardrailBook:
    """Remembers sums to date of every guardrail of a run. reported_share: {delayed column: (T,)} by age in weeks."""

    def __init__(self, guardrails: Sequence[Guardrail], reported_share: Mapping[str, NDArray[np.float64]]) -> None:
        self.guardrails = tuple(guardrails)
        self.shares = reported_share
        self._sums: dict[tuple[int, int], _Sums] = {}
        self._totals: list[dict[str, float]] = []  # of each week so far: immediate columns, settled, and head-counts
        self._lagged: list[list[float | None]] = []  # of each week: last week's denominator, by guardrail with a lag
        self._beyond: list[list[float]] = []  # of each week: what the status quo would use, by guardrail
        self._reported: dict[tuple[str, int], float] = {}  # (delayed column, accrual week)

    def enter(
        self, truth: WeekTruth, probs: NDArray[np.floating], ledger: Columns, reports: Reports
    ) -> tuple[Entry, ...]:
        """The week just lived under probs (n, k). ledger: {column: (n,)} by accrual; reports: of this week."""
        week, present = truth.observation.week, truth.observation.present
        totals = {c: float(v.sum(dtype=np.float64)) for c, v in ledger.items()}
        self._totals.append(totals | {"present": float(present.sum()), "assigned": float(len(present))})
        self._lagged.append([rows[0].lagged if rows else None for rows in truth.rows])
        self._beyond.append([_beyond(g, rows) for g, rows in zip(self.guardrails, truth.rows, strict=True)])
        self._take(reports)
        return tuple(self._entry(i, week, truth, probs) for i in range(len(self.guardrails)))

    def _take(self, reports: Reports) -> None:
        for code, name in enumerate(DELAYED):
            mine = (reports.column == code) & (reports.accrual_week >= 0)
            for week in np.unique(reports.accrual_week[mine]).tolist():
                amount = float(reports.amount[mine & (reports.accrual_week == week)].sum(dtype=np.float64))
                self._reported[name, week] = self._reported.get((name, week), 0.0) + amount

    def _entry(self, i: int, week: int, truth: WeekTruth, probs: NDArray[np.floating]) -> Entry:
        guardrail = self.guardrails[i]
        every = (self._judge((i, j), judged, truth, probs) for j, judged in enumerate(truth.rows[i]))
        verdicts = [verdict for verdict in every if verdict is not None]
        if not verdicts:
            return Entry(math.nan, math.nan, math.nan, False, False)
        whole = guardrail.scope.kind == "cohort"  # what happened is booked for the cohort, not by segment
        return Entry(
            min(slack for slack, _, _ in verdicts),
            self._slack(i, [week], settled=True) if whole else math.nan,
            self._slack(i, list(range(week + 1)), settled=False) if whole else math.nan,
            any(violated for _, violated, _ in verdicts),
            any(unavoidable for _, _, unavoidable in verdicts),
        )

    def _judge(
        self, key: tuple[int, int], judged: Judged, truth: WeekTruth, probs: NDArray[np.floating]
    ) -> tuple[float, bool, bool] | None:
        """Slack, violated, unavoidable, of the sums since the window began; a window is broken once.

        None while the window's expected numerator is at most `min_count`: so few cases break no limit on a rate.
        """
        guardrail = self.guardrails[key[0]]
        if judged.row.accounts is not None:
            return by_account(guardrail, judged.row, truth, probs)
        if truth.observation.week % WINDOW_WEEKS[guardrail.horizon] == 0:
            self._sums[key] = _Sums()
        sums, now = self._sums[key], true_usage(judged.row, probs)
        sums.usage += now.usage
        sums.usage_no_offer += now.usage_no_offer
        sums.allowance += now.allowance
        sums.count += _expected(guardrail.numerator, truth, probs, judged.members)
        rate = None if guardrail.between else guardrail.denominator  # between segments a row is in the rate's own unit
        sums.denominator += _expected(rate, truth, probs, judged.members) if judged.lagged is None else judged.lagged
        if _forgives_few(guardrail) and sums.count <= guardrail.min_count:
            return None
        over = sums.usage > max(0.0, sums.usage_no_offer) + sums.allowance
        violated, sums.broken = over and not sums.broken, sums.broken or over
        unavoidable = sums.usage_no_offer > sums.allowance
        return -sums.usage / max(sums.denominator, 1e-300), violated, unavoidable

    def _slack(self, i: int, weeks: list[int], *, settled: bool) -> float:
        """Limit minus usage over these accrual weeks, each delayed column over what of it should be known."""
        guardrail, now = self.guardrails[i], len(self._totals) - 1
        sizes = [self._size(i, week) for week in weeks]
        usage = 0.0
        for column, weight in guardrail.numerator.items():
            late = column in DELAYED and not settled
            amount = sum(self._reported.get((column, w), 0.0) if late else self._totals[w][column] for w in weeks)
            base = sum(s * (self._share(column, now - w) if late else 1.0) for s, w in zip(sizes, weeks, strict=True))
            if base <= 0:
                return math.nan
            usage += weight * amount / base
        beyond = sum(self._beyond[w][i] for w in weeks) / sum(sizes)
        slack = self._limit(guardrail, sizes) + beyond - usage
        return slack if guardrail.sense == "<=" else -slack

    def _limit(self, guardrail: Guardrail, sizes: list[float]) -> float:
        if not guardrail.hard or guardrail.denominator is None:
            return guardrail.limit
        return sum(math.floor(guardrail.limit * s + 1e-9) for s in sizes) / sum(sizes)

    def _size(self, i: int, week: int) -> float:
        """The week's denominator as it turned out; 1 for a plain limit, which is then a mean per week."""
        guardrail, lagged = self.guardrails[i], self._lagged[week][i]
        if lagged is not None:
            return lagged
        if guardrail.denominator is None:
            return 1.0
        return sum(weight * self._totals[week][column] for column, weight in guardrail.denominator.items())

    def _share(self, column: str, age: int) -> float:
        share = self.shares[column]
        return float(share[min(age, len(share) - 1)])


def by_account(
    guardrail: Guardrail, row: Row, truth: WeekTruth, probs: NDArray[np.floating]
) -> tuple[float, bool, bool] | None:
    """Least slack of any account this week, whether any is violated, whether any is unavoidable; None as for a row.

    Accounts whose expected numerator is at most `min_count` break no limit on a rate.
    """
    usage, none = (row.sums(np.einsum("nk,nk->n", row.coef, p)) - row.limits for p in (probs, _nobody(probs.shape)))
    size = np.ones_like(usage)
    counted = weighted_sum(guardrail.numerator, truth.means, probs.shape)
    count = row.sums(np.einsum("nk,nk->n", counted, probs))
    if guardrail.denominator is not None:
        sizes = weighted_sum(guardrail.denominator, truth.means, probs.shape)
        size = np.maximum(row.sums(np.einsum("nk,nk->n", sizes, probs)), 1e-300)
    held = count > guardrail.min_count if _forgives_few(guardrail) else np.ones(len(usage), np.bool_)
    if not held.any():
        return None
    allowance = 1e-6 * row.spreads
    over, forced = usage > np.maximum(none, 0.0) + allowance, none > allowance
    return float((-usage / size)[held].min()), bool(over[held].any()), bool(forced[held].any())


def _nobody(shape: tuple[int, ...]) -> NDArray[np.float64]:
    alone = np.zeros(shape)
    alone[:, NO_OFFER] = 1.0
    return alone


def _expected(
    weights: Mapping[str, float] | None,
    truth: WeekTruth,
    probs: NDArray[np.floating],
    members: NDArray[np.bool_] | None,
) -> float:
    """Expected weighted sum of the week's columns under probs, of the members alone; 1 where there are no weights."""
    if weights is None:
        return 1.0
    sizes = weighted_sum(weights, truth.means, probs.shape)
    return expected(sizes if members is None else sizes * members[:, None], probs)


def _forgives_few(guardrail: Guardrail) -> bool:
    """Whether few cases break nothing: upper limits on a rate with a least count, as allocation reads them."""
    return guardrail.min_count > 0 and guardrail.denominator is not None and guardrail.sense == "<="


def _beyond(guardrail: Guardrail, rows: Sequence[Judged]) -> float:
    """What the status quo would use this week, where usage counts beyond that."""
    if guardrail.relative_to is None:
        return 0.0
    held = sum(judged.row.limit for judged in rows) * (1.0 if guardrail.sense == "<=" else -1.0)
    return held - guardrail.limit * len(rows)
