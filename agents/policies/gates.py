"""Rules before optimisation: whom an offer harms is left alone, the rest are ranked by profit and served in order.

Lift is what a T-learner on its own log says of margin; halves of the users tell how sure it is. Admin veto, share of
harmed users, size, profit and cool-down shut units out one by one; a budget takes the best of those left, and the
program of the week keeps the guardrails. Each user carries the reason. The floor of a log that must be evaluable stays
under every arm the world allows, and a declared share of vetoed units can be treated on purpose, to price the veto.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from agents.effect_learner import EffectLearner, EffectParams, widely
from agents.gating import Gates as Gating
from agents.gating import Rules, within_budget
from agents.interface import Decision, Problem, Reason
from agents.kept import Sample
from agents.learner import Expected
from agents.parameters import AgentParams
from agents.safety import Guard
from agents.sharing import members
from agents.uplift import LearnerName
from rage_env.errors import ConfigError, did_you_mean
from rage_env.interface import NO_OFFER, Feedback, Observation
from rage_env.randomness import Draw, Noise, person_keys, seed_key

Floats = NDArray[np.float64]
_TOUCHED = (Reason.ADMIN_VETO, Reason.TOXIC_USERS)


class GatesParams(EffectParams):
    """harm_sds: of a lift, below its mean, that must not reach 0 (1.28: the lower 90 % bound). Rules as in `Rules`.

    cool_down_weeks: without an offer after one. least_profit_usd: a unit must promise more. budget_usd: of contact
    prices a week, None for no limit. audit_share: of units with a veto or too many harmed users, treated on purpose.
    """

    learner: LearnerName = "t"
    explore_later: float = Field(default=0.05, ge=0, lt=1)
    harm_sds: float = Field(default=1.28, ge=0, le=10)
    toxic_share: float = Field(default=0.10, ge=0, le=1)
    fewest: int = Field(default=3, ge=1)
    busy_quantile: float = Field(default=0.90, gt=0, le=1)
    activity: str = "log_gmv_4w"
    admins: str = "role"
    cool_down_weeks: int = Field(default=1, ge=0)
    least_profit_usd: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    budget_usd: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    audit_share: float = Field(default=0.0, ge=0, le=1)


class Gates(EffectLearner):
    """Remembers, beside what every effect learner does, which unit got its last offer when."""

    name = "gates"
    Params: ClassVar[type[AgentParams]] = GatesParams
    pairs: ClassVar[int] = 3
    offered: dict[int, NDArray[np.int64]]  # {week: units that got an offer in it}

    def start(self, problem: Problem) -> None:
        """Forget offers too. Raises ConfigError where the world does not show the feature `activity`."""
        super().start(problem)
        self.offered = {}
        if self._own.activity not in problem.feature_names:
            near = did_you_mean(self._own.activity, problem.feature_names)
            raise ConfigError(f"agent gates: activity: this world shows no feature {self._own.activity!r}{near}")

    def learn(self, feedback: Feedback) -> None:
        """Also note who got an offer, for as long as cool-down lasts."""
        super().learn(feedback)
        week = feedback.new
        self.offered[week.week] = np.unique(week.unit[(week.arm != NO_OFFER) & week.present])
        for old in [w for w in self.offered if w <= week.week - self._own.cool_down_weeks]:
            del self.offered[old]

    def begin_run(self) -> None:
        """Offers of the history are over."""
        super().begin_run()
        self.offered = {}

    def choose(self, observation: Observation, guard: Guard, start: Floats) -> Decision:
        """Gate every arm, serve the best of what is left, keep exploring a little among those."""
        self.refit(observation.week)
        assert self.problem is not None
        gates = Gating(observation, self.problem.feature_names, self._rules, self._resting(observation))
        net, reason = self._gated(gates)
        open_arms = np.concatenate([np.ones((observation.n, 1)), reason == Reason.TARGETED], axis=1)
        explored = _only(open_arms, widely(observation, guard, self._own.explore), guard.base)
        if self.effects is None:
            return Decision(guard.kept(explored), None, self._told(observation, reason, explored, guard.base))
        value = np.where(open_arms > 0, net, np.minimum(-1.0 - np.abs(net), 0.0))
        value[:, NO_OFFER] = 0.0
        plan = guard.plan(value * observation.present[:, None], start)
        later = self._own.explore_later
        probs = guard.kept((1 - later) * plan.probs.astype(np.float64) + later * explored)
        expects = Expected(net * observation.present[:, None], guard.outlook.means)
        return Decision(probs, None, self._told(observation, reason, probs, guard.base), expects)

    def outcome(self, sample: Sample) -> Floats:
        """Margin before the price of the contact, which is known; late losses as believed."""
        columns = sample.columns
        margin = columns["revenue_gross"] - columns["bonus_cost"] - columns["loss_bonus_abuse"]
        return margin.astype(np.float64) - self.belief.late_loss(sample.features, sample.arm, columns["gmv"])

    def _gated(self, gates: Gating) -> tuple[Floats, NDArray[np.int8]]:
        """(n, k) lift less price, and (n, k - 1) the rule that forbids each arm, TARGETED for none."""
        observation = gates.observation
        assert self.problem is not None
        price = np.array([a.contact_cost_usd for a in self.problem.arms]) / members(observation)[:, None]
        if self.effects is None:  # the rules that need no lift
            lift, low = (
                np.full((observation.n, self.problem.k - 1), np.inf),
                np.zeros((observation.n, observation.k - 1)),
            )
        else:
            lift, low = self.effects.bounds(observation.features, self._own.harm_sds)
        profit = np.minimum(lift - price[:, 1:], 1e9)
        columns = [gates.reason(low[:, j], profit[:, j], self._own.least_profit_usd) for j in range(profit.shape[1])]
        reason = np.stack(columns, axis=1)
        self._audit(observation, profit, reason)
        if self._own.budget_usd is not None:
            self._cut(gates, profit, price, reason, self._own.budget_usd)
        return np.concatenate([np.zeros((observation.n, 1)), profit], axis=1), reason

    def _audit(self, observation: Observation, profit: Floats, reason: NDArray[np.int8]) -> None:
        """Open a hashed share of vetoed units, at what a unit that passes is worth."""
        key = seed_key(self.params.seed, 1)
        chosen = Noise(key, person_keys(key, observation.unit), 0).uniform64(Draw.HOLDOUT) < self._own.audit_share
        for j in range(reason.shape[1]):
            opened = chosen & np.isin(reason[:, j], _TOUCHED)
            passing = profit[reason[:, j] == Reason.TARGETED, j]
            profit[opened, j] = np.maximum(profit[opened, j], np.median(passing) if len(passing) else 1.0)
            reason[opened, j] = Reason.TARGETED

    def _cut(self, gates: Gating, profit: Floats, price: Floats, reason: NDArray[np.int8], budget_usd: float) -> None:
        """Shut out units that the budget does not reach at the price of their best open arm."""
        worth = np.where(reason == Reason.TARGETED, profit, -np.inf)
        best = worth.argmax(axis=1)
        most = np.maximum(worth.max(axis=1), 0.0)
        beyond = ~within_budget(gates, most, price[:, 1:][np.arange(len(best)), best], budget_usd)
        reason[beyond[:, None] & (reason == Reason.TARGETED)] = Reason.CAPACITY

    def _told(
        self, observation: Observation, reason: NDArray[np.int8], probs: NDArray[np.floating], base: Floats
    ) -> NDArray[np.int8]:
        """(n,) codes: the gate, or for those let through whether they are targeted, explored or beyond capacity."""
        through = (reason == Reason.TARGETED).any(axis=1)
        treated, least = 1.0 - probs[:, NO_OFFER], 1.0 - base[:, NO_OFFER]
        some = np.where(treated > least + 1e-6, Reason.EXPLORED, Reason.CAPACITY)
        code = np.where(through, np.where(treated > 0.5, Reason.TARGETED, some), reason[:, 0])
        code = np.where(observation.action_mask.sum(axis=1) > 1, code, Reason.MASKED)
        control = np.asarray(observation.segments.get("control", np.zeros(observation.n))) == 1
        return np.where(control & observation.present, Reason.HELD_OUT, code).astype(np.int8)

    def _resting(self, observation: Observation) -> NDArray[np.bool_]:
        """(n,) rows of units that got an offer within the cool-down."""
        recent = [u for w, u in self.offered.items() if w >= observation.week - self._own.cool_down_weeks]
        return np.isin(observation.unit, np.concatenate(recent)) if recent else np.zeros(observation.n, np.bool_)

    def own_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Also the offers."""
        return {**super().own_arrays(), **{f"offered/{w}": units for w, units in self.offered.items()}}

    def own_restore(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Inverse of own_arrays."""
        super().own_restore(arrays)
        mine = {k.removeprefix("offered/"): v for k, v in arrays.items() if k.startswith("offered/")}
        self.offered = {int(week): units.astype(np.int64) for week, units in mine.items()}

    @property
    def _rules(self) -> Rules:
        own = self._own
        return Rules(own.toxic_share, own.fewest, own.busy_quantile, own.activity, own.admins)

    @property
    def _own(self) -> GatesParams:
        assert isinstance(self.params, GatesParams)
        return self.params


def _only(open_arms: Floats, wanted: Floats, base: Floats) -> Floats:
    """`wanted` on open arms, the base on all others."""
    probs = np.where(open_arms > 0, wanted, base)
    probs[:, NO_OFFER] = 1.0 - probs[:, NO_OFFER + 1 :].sum(axis=1)
    return probs
