"""Guardrails that are to hold in truth: margins of pooled doubt, a declared bound over them, and a quota.

Usage beyond leaving alone may take `aim` of the slack that is left after the margin. The margin is `caution`
posterior sds of the whole sum, gamma-shaped, of rare cases, late losses and pooled rates together; its rows are
linearised at a plan, where they are exact (as in agents/safety.py). What everybody loses when left alone never
counts for more than arm 0's declared bound. Arms of open-ended loss stand under the quota as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from agents.beliefs.outlook import LATE_OFTEN, Outlook
from agents.beliefs.risk import STRATA
from agents.interface import Problem
from agents.safe.cases import CaseBelief
from agents.safety import Guard, usage_of, width_of
from rage_env.guardrails import Guardrail
from rage_env.interface import NO_OFFER, Observation

if TYPE_CHECKING:
    from agents.allocation import Linear

__all__ = ["Beyond", "SafeGuard", "with_cases"]

Floats = NDArray[np.float64]
_ABUSED = {"abuse", "loss_bonus_abuse"}


@dataclass(frozen=True, eq=False)
class Beyond:
    """What SafeGuard knows beyond the outlook. cases: {column: belief}; z: (n, d) standardised features.

    quota: (usd, usd_each (n, k)), the most that users under arms of open-ended loss may be expected to lose by what
    those arms declare; None: no such arm, or no guardrail on losses.
    """

    cases: Mapping[str, CaseBelief]
    z: NDArray[np.float32]
    quota: tuple[float, Floats] | None
    aim: float
    offer_aim: float


def _of_offers(guardrail: Guardrail) -> bool:
    """Whether it keeps what offers attract at the level of the status quo."""
    return guardrail.relative_to == "status_quo" and guardrail.sense == "<=" and set(guardrail.numerator) <= _ABUSED


def _paid(outlook: Outlook) -> Floats:
    """(n, k) what offers cost, more for users who spend more for each active week than the average one, up to caps."""
    gmv, active = outlook.gmv_alone / outlook.unit_gmv, outlook.means["active"][:, NO_OFFER]
    mean = float(active[outlook.present].mean()) if outlook.present.any() else 1.0
    heavy = np.maximum(gmv / np.maximum(active / mean, 1e-9), 1.0)
    caps = np.array([a.offer_cap_usd for a in outlook.problem.arms])
    cost = outlook.means["bonus_cost"]
    return np.where(caps > 0, np.clip(cost * heavy[:, None], cost, np.maximum(caps, cost)), cost)


def with_cases(outlook: Outlook, cases: Mapping[str, CaseBelief], z: NDArray[np.float32]) -> Outlook:
    """The outlook with its expectations of rare cases replaced."""
    means = dict(outlook.means)
    for column, belief in cases.items():
        each, _ = belief.rows(z)
        means[column] = each[:, None] * means["active"]
        for arm, (extra, _) in belief.excess.items():
            means[column][:, arm] += extra * outlook.present
    if "bonus_cost" in means:
        means["bonus_cost"] = _paid(outlook)
    variance = {c: v for c, v in outlook.variance.items() if c not in cases}
    return replace(outlook, means=means, variance=variance)


class SafeGuard(Guard):
    """The guardrails of one week, to be kept in truth with high probability."""

    def __init__(
        self, problem: Problem, observation: Observation, outlook: Outlook, caution: float, beyond: Beyond
    ) -> None:
        self.beyond = beyond
        self._slopes = {c: b.rows(beyond.z)[1] for c, b in beyond.cases.items()}
        super().__init__(problem, observation, outlook, caution)

    def rows(
        self, plan: Floats, guardrails: Sequence[Guardrail] | None = None, *, caution: float | None = None
    ) -> list[Linear]:
        """Cautious rows around `plan`, less of their slack than all of it, and the quota."""
        asked = self.problem.guardrails if guardrails is None else guardrails
        estimated = [g for g in asked if not _of_offers(g)]
        rows = [self._aimed(row) for row in super().rows(plan, estimated, caution=caution)]
        rows += [self._stakes(g) for g in asked if _of_offers(g)]
        return rows if guardrails is not None else [*rows, *self._quota()]

    def _stakes(self, guardrail: Guardrail) -> Linear:
        """What offers put at stake, in each stratum of risk no more than `offer_aim` of what the status quo does.

        What abusers take from an offer is assumed to grow at most with its cap, and who is offered it, within a
        stratum, not to depend on whether they abuse; so no rate needs to be known.
        """
        from agents.allocation import Linear

        caps = np.array([a.offer_cap_usd for a in self.problem.arms])
        here = self.observation.present.astype(np.float64)
        coef = here[:, None] * caps[None, :]
        each = np.einsum("nk,nk->n", coef, self.observation.status_quo.astype(np.float64))
        stratum = self.outlook.stratum
        limit = np.asarray(self.beyond.offer_aim * np.bincount(stratum, weights=each, minlength=STRATA), np.float64)
        return Linear(guardrail.name, coef, limit, "<=", stratum.astype(np.int64))

    def _aimed(self, row: Linear) -> Linear:
        """The limit moved towards what leaving everybody alone uses; head-counts are known and stay."""
        from agents.allocation import Linear

        hard = {g.name for g in self.problem.guardrails if g.hard}
        if row.name in hard or self.beyond.aim >= 1.0:
            return row
        none = usage_of(row, self.nobody)
        sign = 1.0 if row.sense == "<=" else -1.0
        limit = np.atleast_1d(np.asarray(row.limit, np.float64))
        room = np.maximum(sign * (limit - none[: len(limit)] if len(none) >= len(limit) else limit - none), 0.0)
        moved = limit - sign * (1.0 - self.beyond.aim) * room
        return Linear(row.name, row.coef, moved if row.segment is not None else float(moved[0]), row.sense, row.segment)

    def _quota(self) -> Iterator[Linear]:
        from agents.allocation import Linear

        if self.beyond.quota is not None:
            usd, each = self.beyond.quota
            yield Linear("open_ended_quota", each, usd)

    def _cautious(self, guardrail: Guardrail, plan: Floats, caution: float) -> dict[str, Floats]:
        """Means of the numerator's columns, each with its part of the margin at this plan."""
        outlook, beyond = self.outlook, self._counted(guardrail, plan)
        parts = [p for c, w in guardrail.numerator.items() for p in self._parts(c, w, beyond)]
        variance = sum(p.variance for p in parts)
        if variance <= 0 or caution <= 0:
            return {}
        believed = {c for c in guardrail.numerator if c in outlook.variance or c in self.beyond.cases}
        mean = 0.0 if guardrail.relative_to else sum(self._expected(c, plan) * guardrail.numerator[c] for c in believed)
        width = width_of(caution, mean, variance) / variance * (1.0 if guardrail.sense == "<=" else -1.0)
        out = {c: outlook.means[c].copy() for c in {p.column for p in parts}}
        for part in parts:
            out[part.column] += width * part.gradient
        return self._bounded(guardrail, {c: np.maximum(v, 0.0) for c, v in out.items()})

    def _counted(self, guardrail: Guardrail, plan: Floats) -> Floats:
        return plan - self.observation.status_quo if guardrail.relative_to == "status_quo" else plan

    def _parts(self, column: str, weight: float, plan: Floats) -> Iterator[_Part]:
        outlook = self.outlook
        if column in outlook.variance:
            total = weight * self._total(plan, column)
            spread = outlook.variance[column] * total
            gradient = outlook.exposure[column] * spread.T[outlook.stratum]
            yield _Part(column, float((spread * total).sum()), gradient)
        if column in self.beyond.cases:
            yield from self._of_cases(column, weight, plan)
        for late in outlook.late if column == LATE_OFTEN else ():
            rows = outlook.late_rows[late.arm]
            pulled = late.covariance @ (weight * (plan[:, late.arm] @ rows))
            gradient = np.zeros_like(plan)
            gradient[:, late.arm] = rows @ pulled
            yield _Part(column, weight * float(plan[:, late.arm] @ gradient[:, late.arm]), gradient)

    def _of_cases(self, column: str, weight: float, plan: Floats) -> Iterator[_Part]:
        belief, slopes, active = self.beyond.cases[column], self._slopes[column], self.outlook.means["active"]
        each = np.einsum("nk,nk->n", plan, active)
        gradient = (slopes @ (belief.joint @ (weight * (each @ slopes))))[:, None] * active
        yield _Part(column, weight * float(np.einsum("nk,nk->", plan, gradient)), gradient)
        here = self.observation.present.astype(np.float64)
        for arm, (_, variance) in belief.excess.items():
            extra = np.zeros_like(plan)
            extra[:, arm] = variance * weight * float(plan[:, arm] @ here) * here
            yield _Part(column, weight * float(plan[:, arm] @ extra[:, arm]), extra)

    def _bounded(self, guardrail: Guardrail, out: dict[str, Floats]) -> dict[str, Floats]:
        """Dollars lost by leaving everybody alone count no more than arm 0 declares of a user-week."""
        losses = [c for c in guardrail.numerator if c.startswith("loss_")]
        rare = [c for c in losses if c in self.beyond.cases]
        if not rare or guardrail.sense != "<=":
            return out
        alone = {c: float(out.get(c, self.outlook.means[c])[:, NO_OFFER].sum()) for c in losses}
        declared = self.problem.arms[NO_OFFER].mean_loss_bound_usd * float(self.observation.present.sum())
        left = max(declared - sum(alone[c] for c in losses if c not in rare), 0.0)
        used = sum(alone[c] for c in rare)
        if used > left:
            for c in rare:
                out[c] = out[c] * (left / used)
        return out


@dataclass(frozen=True, eq=False)
class _Part:
    """One independent source of doubt in a usage: its variance, and (n, k) gradient of half of that in the plan."""

    column: str
    variance: float
    gradient: Floats
