"""Keeps every guardrail from the first week on, in truth and with high probability, and learns.

See docs/safe_exploration.md: a quota by declared bounds for arms of open-ended loss, certificates that double it,
rare cases by their own likelihood, and a share of the slack that is never aimed at.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from agents.beliefs.outlook import LATE_OFTEN, Outlook
from agents.beliefs.priors import rated_columns
from agents.beliefs.volumes import GMV
from agents.interface import Decision, Problem
from agents.learner import Learner, LearnerParams, reasons
from agents.parameters import AgentParams
from agents.safe.cases import CaseBelief, Cases, SizePrior, late_case_columns
from agents.safe.certificate import Certificate, smallest
from agents.safe.guard import Beyond, SafeGuard, with_cases
from agents.safety import Guard
from rage_env.interface import NO_OFFER, Feedback, Observation

Floats = NDArray[np.float64]
_WORTH, _SPREAD = 25.0, 2.3  # a declared bound is one to three times the mean: two thirds of it, +- 30 %
_EAGER = 1.0  # dollars that trying an arm of which nothing is certified counts for


class SafeExplorationParams(LearnerParams):
    """caution: posterior sds of usage kept as margin. aim: share of the slack beyond the margin that is used.

    offer_aim: the same of what the status quo offers, for guardrails relative to it. quota: share of the slack that
    arms of open-ended loss may take by what they declare, before any certificate; above 1 it protects from nothing.
    level: chance that certificates ever enlarge a quota on a bound that does not hold. alpha: sds of optimism on value.
    """

    caution: float = Field(default=2.2, ge=0, le=10)
    aim: float = Field(default=0.97, gt=0, le=1)
    offer_aim: float = Field(default=0.6, gt=0, le=1)
    quota: float = Field(default=0.5, ge=0)
    level: float = Field(default=0.05, gt=0, lt=1)
    alpha: float = Field(default=0.5, ge=0, le=10)


class SafeExploration(Learner):
    """Plans on what it believes under guardrails that are to hold in truth. Remembers cases and certificates."""

    name = "safe_exploration"
    Params: ClassVar[type[AgentParams]] = SafeExplorationParams
    cases: Cases
    certificates: tuple[Certificate, ...]
    bounds: Floats  # (n, open arms) declared for the users of the week decided last

    def start(self, problem: Problem) -> None:
        """Forget everything."""
        super().start(problem)
        excess = open_excess(problem)
        columns = late_case_columns(rated_columns(problem.guardrails), LATE_OFTEN)
        self.cases = Cases(columns, problem.reported_share, tuple(excess), problem.d)
        share = np.asarray(problem.reported_share.get(LATE_OFTEN, np.ones(1)), np.float64)
        level = self._own.level / max(len(excess), 1)
        self.certificates = tuple(Certificate(arm, share, level) for arm in excess)
        self.bounds = np.empty((0, len(excess)))

    def learn(self, feedback: Feedback) -> None:
        """Update beliefs, cases and certificates."""
        super().learn(feedback)
        week = feedback.new
        self.cases.add(week, self._started().k)
        self.cases.hear(feedback.reports)
        losses = feedback.reports.amounts(LATE_OFTEN)
        for j, certificate in enumerate(self.certificates):
            if len(self.bounds) == len(week.user_id) and week.week >= 0:
                mine = np.flatnonzero(week.present & (week.arm == certificate.arm))
                certificate.add(week.week, week.user_id[mine], self.bounds[mine, j])
            certificate.hear(losses, week.week)

    def begin_run(self) -> None:
        """Cases of the history stay, dated before the run; certificates are earned by one's own choices alone."""
        self.cases.begin_run(self.belief.last_week, self._started().burn_in_weeks)
        super().begin_run()

    def guard(self, observation: Observation) -> Guard:
        """The guardrails as this agent keeps them."""
        problem, own = self._started(), self._own
        outlook = self.belief.look(observation)
        assert self.belief.basis is not None
        z = self.belief.basis.z(observation.features)
        cases = {c: self._cases(c, outlook) for c in self.cases.columns}
        outlook = with_cases(outlook, cases, z)
        self.bounds = self._declared(outlook)
        beyond = Beyond(cases, z, self._quota(observation, outlook), own.aim, own.offer_aim)
        return SafeGuard(problem, observation, outlook, own.caution, beyond)

    def choose(self, observation: Observation, guard: Guard, start: Floats) -> Decision:
        """The best plan for value with a little optimism; while nothing is certified of an arm, its quota is filled."""
        value = guard.outlook.value + self._own.alpha * guard.outlook.sd()
        if isinstance(guard, SafeGuard) and guard.beyond.quota is not None:
            for certificate in self.certificates:
                if not certificate.enlarged:
                    value[:, certificate.arm] += _EAGER * observation.present
        plan = guard.plan(value, start)
        return Decision(plan.probs, plan.allocation, reasons(plan.probs, observation))

    def _cases(self, column: str, outlook: Outlook) -> CaseBelief:
        problem, basis = self._started(), self.belief.basis
        assert basis is not None
        least = problem.arms[NO_OFFER]
        lost = SizePrior(least.max_loss_usd / 6, _WORTH, _SPREAD, usd=2 / 3 * least.mean_loss_bound_usd)
        prior = lost if column.startswith("loss_") else SizePrior(5.0, 1.0, 0.5)
        return self.cases.posterior(column, basis.z, self.belief.last_week, prior)

    def _declared(self, outlook: Outlook) -> Floats:
        """(n, open arms) dollars that a user may lose in expectation: the arm's bound, more for who spends more."""
        mean = float(self.belief.volumes.mean[GMV])
        heavy = np.maximum(outlook.gmv_alone / max(mean, 1e-9), 1.0) * outlook.present
        each = np.array(list(open_excess(self._started()).values()), np.float64)
        return np.asarray(heavy[:, None] * each)

    def _quota(self, observation: Observation, outlook: Outlook) -> tuple[float, Floats] | None:
        """Dollars, and (n, k) what each user takes of them."""
        problem = self._started()
        rails = [g for g in problem.guardrails if LATE_OFTEN in g.numerator and g.sense == "<=" and g.denominator]
        if not self.certificates or not rails:
            return None
        declared = problem.arms[NO_OFFER].mean_loss_bound_usd * float(observation.present.sum())
        slack = []
        for rail in rails:
            base = sum(
                w * float(outlook.means[c][:, NO_OFFER].sum())
                for c, w in (rail.denominator or {}).items()
                if c in outlook.means
            )
            slack.append(max(rail.limit * base - declared, 0.0))
        each = np.zeros((observation.n, observation.k))
        for j, certificate in enumerate(self.certificates):
            each[:, certificate.arm] = self.bounds[:, j]
        return self._own.quota * min(slack) * 2.0 ** smallest([c.enlarged for c in self.certificates]), each

    def describe(self) -> dict[str, object]:
        """Also how often certificates have doubled the quota."""
        about = super().describe()
        if self.problem is not None:
            about["enlarged"] = {self.problem.arms[c.arm].name: c.enlarged for c in self.certificates}
        return about

    def own_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Cases, certificates, and the bounds of the week decided last."""
        out = {f"cases/{k}": v for k, v in self.cases.arrays().items()}
        for c in self.certificates:
            out |= {f"certificate.{c.arm}/{k}": v for k, v in c.arrays().items()}
        return {**out, "bounds": self.bounds}

    def own_restore(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Inverse of own_arrays."""
        self.cases.restore(_under("cases", arrays))
        for c in self.certificates:
            c.restore(_under(f"certificate.{c.arm}", arrays))
        self.bounds = np.array(arrays["bounds"], np.float64)

    @property
    def _own(self) -> SafeExplorationParams:
        assert isinstance(self.params, SafeExplorationParams)
        return self.params


def open_excess(problem: Problem) -> dict[int, float]:
    """{arm: declared dollars beyond arm 0} of the arms whose loss no offer caps."""
    least = problem.arms[NO_OFFER].mean_loss_bound_usd
    excess = {a: s.mean_loss_bound_usd - least for a, s in enumerate(problem.arms) if s.offer_cap_usd <= 0}
    return {a: usd for a, usd in excess.items() if usd > 0}


def _under(name: str, arrays: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
    return {k.removeprefix(f"{name}/"): v for k, v in arrays.items() if k.startswith(f"{name}/")}
