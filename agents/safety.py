"""Guardrails kept on cautious beliefs: rows with a margin of pooled uncertainty, and the way back when they break.

The margin of a row is `caution` posterior standard deviations of its pooled rates at the planned exposure, a norm,
hence convex: a row linearised at one plan is a valid cut for all plans and exact at its own (Kelley 1960).
Pooling keeps the winner's curse small: a user is never chosen for an estimate of his own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv, ndtr

from agents.beliefs.outlook import LATE_OFTEN, Outlook
from agents.beliefs.risk import STRATA
from agents.interface import Problem
from rage_env.guardrails import Guardrail, largest
from rage_env.interface import NO_OFFER, Observation

if TYPE_CHECKING:
    from agents.allocation import Allocation, Linear

__all__ = ["Guard", "Plan", "floored", "usage_of", "width_of"]

Floats = NDArray[np.float64]
_ROUNDS = 2
_NEAR = 0.97  # of the way to the plan: closer is not worth another allocation
_TINY = 1e-7  # of a row's spread: room for float32 probabilities


@dataclass(frozen=True, eq=False)
class Plan:
    """An allocation, the rows it was solved for, and the probabilities to draw from.

    probs are the allocation's own unless the margin at them is wider than planned; then they are drawn back.
    """

    allocation: Allocation
    rows: Sequence[Linear]
    probs: NDArray[np.float32]

    def priced(self, value: Floats) -> Floats | None:
        """(n, k) value less what its usage costs at the allocation's prices; None where rows have segments."""
        if any(row.segment is not None for row in self.rows):
            return None
        signs = np.array([1.0 if row.sense == "<=" else -1.0 for row in self.rows])
        charge = np.zeros_like(value)
        for price, row in zip(self.allocation.prices * signs, self.rows, strict=True):
            if price:
                charge += price * row.coef
        return value - charge


class Guard:
    """The guardrails of one week as believed. caution: standard deviations of pooled usage kept as margin."""

    def __init__(self, problem: Problem, observation: Observation, outlook: Outlook, caution: float) -> None:
        self.problem, self.observation, self.outlook, self.caution = problem, observation, outlook, caution
        self.nobody = np.zeros((observation.n, observation.k))
        self.nobody[:, NO_OFFER] = 1.0
        self.floor = _floor(problem, observation)
        wanted = floored(self.nobody, self.floor, observation)
        self.floor = self.floor * self._share_kept(wanted)
        self.base = floored(self.nobody, self.floor, observation)

    def rows(
        self, plan: Floats, guardrails: Sequence[Guardrail] | None = None, *, caution: float | None = None
    ) -> list[Linear]:
        """Cautious rows, linear around `plan` (n, k); a limit below what the base itself uses is lifted to that."""
        from agents.allocation.program import guardrail_rows

        rows: list[Linear] = []
        for guardrail in self.problem.guardrails if guardrails is None else guardrails:
            means = {
                **self.outlook.means,
                **self._cautious(guardrail, plan, self.caution if caution is None else caution),
            }
            rows += guardrail_rows((guardrail,), means, self.observation, known=self.problem.guardrails)
        return rows

    def cuts(self, plan: Floats) -> list[Linear]:
        """The rows that keep every guardrail for sure at `plan` (n, k) and can be kept by the base."""
        return self._lifted(self.rows(plan))

    def plan(self, value: Floats, start: Floats) -> Plan:
        """The best allocation that keeps every cautious row; margins are first taken around `start` (n, k)."""
        from agents.allocation import allocate

        observation, there = self.observation, self.cuts(start)
        for _ in range(_ROUNDS):
            rows = there
            found = allocate(value, rows, observation.action_mask, observation.unit, floor=self.floor)
            wanted = found.probs.astype(np.float64)
            there = self.cuts(wanted)
            share = self._share_within(wanted, there)
            if share >= _NEAR:
                break
        return Plan(found, rows, found.probs if share >= 1.0 else self._towards(wanted, share))

    def kept(self, probs: Floats) -> NDArray[np.float32]:
        """`probs` (n, k), drawn back towards the base just as far as the cautious rows ask."""
        return self._towards(probs, self.share_of(probs))

    def _towards(self, probs: Floats, share: float) -> NDArray[np.float32]:
        return (self.base + share * (probs - self.base)).astype(np.float32)

    def share_of(self, probs: Floats) -> float:
        """The largest share of the way from base to `probs` (n, k) that surely keeps the rows, which are convex."""
        return self._share_within(probs, self.cuts(probs))

    def _share_within(self, probs: Floats, rows: Sequence[Linear]) -> float:
        """The same, given the rows at `probs`."""
        share = 1.0
        for at_probs, at_base in zip(rows, self._base_rows, strict=True):
            sign = 1.0 if at_probs.sense == "<=" else -1.0
            used, least = sign * usage_of(at_probs, probs), sign * usage_of(at_base, self.base)
            limit = np.maximum(sign * _limits(at_probs), least)
            over = used > limit
            if over.any():
                share = min(share, float(((limit - least)[over] / (used - least)[over]).min()))
        return max(share, 0.0)

    @cached_property
    def _base_rows(self) -> list[Linear]:
        return self._lifted(self.rows(self.base))

    def _lifted(self, rows: Sequence[Linear]) -> list[Linear]:
        """The same rows with limits that the base can keep, and a hair of room for rounding."""
        from agents.allocation import Linear

        out = []
        for row in rows:
            hair = _TINY * float(largest(np.abs(row.coef)).sum())
            sign = 1.0 if row.sense == "<=" else -1.0
            limit = sign * np.maximum(sign * _limits(row) - hair, sign * usage_of(row, self.base) + hair)
            out.append(
                Linear(
                    row.name, row.coef, limit if row.segment is not None else float(limit[0]), row.sense, row.segment
                )
            )
        return out

    def _share_kept(self, wanted: Floats) -> float:
        """The largest part of the floor expected to use no more than the limit, or than leaving everybody alone."""
        share = 1.0
        for row in self.rows(wanted, caution=0.0):
            sign = 1.0 if row.sense == "<=" else -1.0
            none, all_of_it = sign * usage_of(row, self.nobody), sign * usage_of(row, wanted)
            room = np.maximum(sign * _limits(row) - none, 0.0)
            grows = all_of_it - none > room
            if grows.any():
                share = min(share, float((room[grows] / (all_of_it - none)[grows]).min()))
        return share

    def _cautious(self, guardrail: Guardrail, plan: Floats, caution: float) -> dict[str, Floats]:
        """Means of the rated columns of a guardrail, each with its part of the row's margin at this plan."""
        outlook = self.outlook
        rated = [c for c in guardrail.numerator if c in outlook.variance]
        beyond = plan - self.observation.status_quo if guardrail.relative_to == "status_quo" else plan
        totals = {c: guardrail.numerator[c] * self._total(beyond, c) for c in rated}
        weight = guardrail.numerator.get(LATE_OFTEN, 0.0)
        late = outlook.late if weight else ()
        sums = {e.arm: beyond[:, e.arm] @ self._late_rows[e.arm] for e in late}  # (p,) of each arm
        variance = sum(float((outlook.variance[c] * totals[c] ** 2).sum()) for c in rated)
        variance += weight**2 * sum(float(sums[e.arm] @ e.covariance @ sums[e.arm]) for e in late)
        if variance <= 0 or caution <= 0:
            return {}
        mean = 0.0 if guardrail.relative_to else sum(self._expected(c, plan) * guardrail.numerator[c] for c in rated)
        width = width_of(caution, mean, variance) / variance * (1.0 if guardrail.sense == "<=" else -1.0)
        out = {}
        for c in rated:
            margin = (width * outlook.variance[c] * totals[c]).T.take(outlook.stratum, axis=0)
            margin *= outlook.exposure[c]
            margin += outlook.means[c]
            out[c] = np.maximum(margin, 0.0, out=margin)  # no rate is negative
        for e in late:
            out[LATE_OFTEN][:, e.arm] += width * weight * (self._late_rows[e.arm] @ (e.covariance @ sums[e.arm]))
        return out

    def _total(self, plan: Floats, column: str) -> Floats:
        """(k, s) exposure of the plan."""
        outlook, strata = self.outlook, self.outlook.variance[column].shape[1]
        return np.asarray((plan * outlook.exposure[column]).T @ self._in_stratum[:, :strata])

    @cached_property
    def _in_stratum(self) -> Floats:
        """(n, s) 1 where a user belongs, for sums by stratum as one product."""
        return np.eye(STRATA)[self.outlook.stratum]

    @cached_property
    def _late_rows(self) -> dict[int, Floats]:
        """{arm: (n, p)} in float64, converted once for all margins of the week."""
        return {arm: rows.astype(np.float64) for arm, rows in self.outlook.late_rows.items()}

    def _expected(self, column: str, plan: Floats) -> float:
        return float(np.vdot(self.outlook.means[column], plan))


def floored(probs: Floats, floor: Floats, observation: Observation) -> Floats:
    """`probs` with at least `floor` (n,) on every allowed arm, the rest in proportion."""
    least = floor[:, None] * observation.action_mask
    return np.asarray(least + (1.0 - least.sum(axis=1, keepdims=True)) * probs)


def usage_of(row: Linear, probs: Floats) -> Floats:
    """(1,) or (codes,) usage of a row under probs (n, k)."""
    if row.segment is None:
        return np.array([np.vdot(row.coef, probs)], dtype=np.float64)
    each = np.einsum("nk,nk->n", row.coef, probs)
    inside = row.segment >= 0
    codes = max(int(row.segment.max(initial=-1)) + 1, np.size(row.limit))
    return np.asarray(np.bincount(row.segment[inside], weights=each[inside], minlength=codes), dtype=np.float64)


def _limits(row: Linear) -> Floats:
    if row.segment is None or np.ndim(row.limit):
        return np.atleast_1d(np.asarray(row.limit, dtype=np.float64))
    return np.full(int(row.segment.max(initial=-1)) + 1, float(row.limit))


def width_of(caution: float, mean: float, variance: float) -> float:
    """The margin: `caution` sds, or what a gamma law of this mean and variance asks for where that is more."""
    sd = float(np.sqrt(variance))
    if mean <= 0:
        return caution * sd
    shape = mean**2 / variance
    upper = float(gammaincinv(shape, ndtr(caution))) * variance / mean
    return float(np.clip(upper - mean, caution * sd, 2.0 * caution * sd))


def _floor(problem: Problem, observation: Observation) -> Floats:
    """(n,) least propensity of allowed arms; users who left have none."""
    floor = np.broadcast_to(np.asarray(problem.floor, dtype=np.float64), (observation.n,))
    return np.where(observation.present, floor, 0.0)
