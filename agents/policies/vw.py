"""Vowpal Wabbit under guardrails: its bandit learns from costs to which each week's prices of usage are added.

Cost = what leaving the user alone was expected to bring, less what came, plus price x believed usage of the arm
(multiplier-adjusted, after Agrawal and Devanur 2016); the prices are those at which a randomised week keeps the
guardrails. The chances that the driver answers are drawn back towards arm 0 as far as cautious guardrails ask.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from agents.barrier import Barrier
from agents.beliefs.vw import Driver, Form, Labels
from agents.effect_learner import explored_only, widely
from agents.interface import Decision, Problem
from agents.learner import Learner, LearnerParams, reasons
from agents.parameters import AgentParams
from agents.safety import Guard, floored
from agents.sharing import one_per_unit
from rage_env.interface import Feedback, Observation
from rage_env.log import WeekLog

Floats = NDArray[np.float64]
_SHARP = 10.0  # of the inverse gaps that the prices are found for, per typical gain


class VWParams(LearnerParams):
    """form: adf names each user's allowed arms; plain is faster. gamma_scale, epsilon: how widely each explores.

    explore: probability of each arm until the first model. rate: of learning. bits: of the hash.
    """

    form: Form = "adf"
    gamma_scale: float = Field(default=10.0, gt=0, allow_inf_nan=False)
    epsilon: float = Field(default=0.05, ge=0, le=1)
    rate: float = Field(default=0.5, gt=0, allow_inf_nan=False)
    bits: int = Field(default=18, ge=4, le=28)
    explore: float = Field(default=0.12, gt=0, lt=0.2)


class VW(Learner):
    """Remembers the driver's model, the scale of costs, and what usage was charged in the week decided last."""

    name = "vw"
    Params: ClassVar[type[AgentParams]] = VWParams
    model: bytes
    scale: float  # dollars that count as a cost of 1; 0 before any week was learned
    charge: Floats  # (n, k) of the week `decided`

    def start(self, problem: Problem) -> None:
        """Forget the model."""
        super().start(problem)
        self.model, self.scale, self.charge = b"", 0.0, np.empty((0, problem.k))

    def learn(self, feedback: Feedback) -> None:
        """Beliefs as for every learner; one pass of the driver over the week's present users."""
        super().learn(feedback)
        if feedback.new.week >= 0 and feedback.new.present.any():
            self._pass(feedback.new)

    def choose(self, observation: Observation, guard: Guard, start: Floats) -> Decision:
        """What the driver answers, floor included, drawn back as far as the guardrails ask."""
        least = guard.floor[:, None] * observation.action_mask
        barrier = Barrier(guard.outlook.value, guard.cuts(start), observation, least)
        _, prices = barrier.solve(_SHARP / barrier.gain)
        self.charge = barrier.charge(prices)
        if not self.model:
            return explored_only(observation, guard, widely(observation, guard, self._own.explore))
        here = np.flatnonzero(observation.present)
        wanted = guard.nobody.copy()
        wanted[here] = self._driver.predict(
            self.model, self._z(observation.features[here]), observation.action_mask[here]
        )
        shared = one_per_unit(wanted.astype(np.float32), observation).astype(np.float64)
        probs = guard.kept(floored(shared, guard.floor, observation))
        return Decision(probs, None, reasons(probs, observation))

    def _pass(self, week: WeekLog) -> None:
        here = np.flatnonzero(week.present)
        cost = self._cost(week, here)
        if self.scale <= 0:
            self.scale = max(float(cost.std()), 1e-6)
        labels = Labels(week.arm[here].astype(np.int64), cost / self.scale, week.propensity[here].astype(np.float64))
        mask = np.ones((len(here), self._driver.k), np.int8) if week.probs is None else (week.probs[here] > 0)
        mask[np.arange(len(here)), labels.arm] = 1
        self.model = self._driver.learn(self.model, self._z(week.features[here]), mask.astype(np.int8), labels)

    def _cost(self, week: WeekLog, here: NDArray[np.intp]) -> Floats:
        """(rows,) dollars lost against leaving alone as expected, with the price of usage."""
        assert self.problem is not None
        columns = {c: week.columns[c][here] for c in _VALUED}
        margin = columns["revenue_gross"] - columns["bonus_cost"] - columns["contact_cost"]
        value = margin - columns["loss_bonus_abuse"] - self.problem.retention_value_usd * columns["churned"]
        arm, features = week.arm[here].astype(np.int64), week.features[here]
        late = self.belief.late_loss(features, arm, columns["gmv"])
        cost = self.belief.value(features)[:, 0] + late - value.astype(np.float64)
        if week.week == self.decided and len(self.charge) == len(week.user_id):
            cost += self.charge[here, arm]
        return np.asarray(cost, dtype=np.float64)

    def _z(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        assert self.belief.basis is not None
        return self.belief.basis.z(features)

    def own_arrays(self) -> dict[str, NDArray[np.generic]]:
        """The driver's model as bytes, the scale, and the charges."""
        model = np.frombuffer(self.model, dtype=np.uint8).copy()
        return {"model": model, "scale": np.array(self.scale), "charge": self.charge}

    def own_restore(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Inverse of own_arrays."""
        self.model = np.asarray(arrays["model"], dtype=np.uint8).tobytes()
        self.scale = float(arrays["scale"])
        self.charge = np.array(arrays["charge"], dtype=np.float64)

    @property
    def _driver(self) -> Driver:
        assert self.problem is not None
        own = self._own
        return Driver(self.problem.k, own.form, own.gamma_scale, own.epsilon, own.rate, own.bits, own.seed)

    @property
    def _own(self) -> VWParams:
        assert isinstance(self.params, VWParams)
        return self.params


_VALUED = ("revenue_gross", "bonus_cost", "contact_cost", "loss_bonus_abuse", "churned", "gmv")
