"""Ranks by causal effect: a T-, X- or doubly robust learner on its own randomised log, then the program of the week.

Until the first fit it randomises as widely as cautious guardrails allow; afterwards a small share keeps doing so,
so that every refit has contrast. The learner starts from the linear belief and adds what that misses, the doubly
robust one as far as it holds for users of the other fold; losses that are reported late enter the outcome as believed
for the GMV spent.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from agents.effect_learner import EffectLearner, EffectParams, explored_only, widely
from agents.interface import Decision
from agents.kept import Sample
from agents.learner import Expected, reasons
from agents.parameters import AgentParams
from agents.safety import Guard
from agents.uplift import Effects
from rage_env.interface import Observation

Floats = NDArray[np.float64]


class UpliftGreedyParams(EffectParams):
    """effect_sd: prior sd of average effects beyond the linear belief, in dollars."""

    effect_sd: float = Field(default=0.1, gt=0)


class UpliftGreedy(EffectLearner):
    """Greedy on effects."""

    name = "uplift_greedy"
    Params: ClassVar[type[AgentParams]] = UpliftGreedyParams

    def choose(self, observation: Observation, guard: Guard, start: Floats) -> Decision:
        """Explore, or treat by effect and keep exploring a little."""
        self.refit(observation.week)
        explored = widely(observation, guard, self._effect.explore)
        if self.effects is None:
            return explored_only(observation, guard, explored)
        value = self._value(observation, guard, self.effects)
        plan = guard.plan(value, start)
        later = self._effect.explore_later
        probs = guard.kept((1 - later) * plan.probs.astype(np.float64) + later * explored)
        return Decision(probs, None, reasons(probs, observation), Expected(value, guard.outlook.means))

    def outcome(self, sample: Sample) -> Floats:
        """Value of the week, late losses as believed."""
        assert self.problem is not None
        columns = sample.columns
        margin = columns["revenue_gross"] - columns["bonus_cost"] - columns["contact_cost"]
        value = margin - columns["loss_bonus_abuse"] - self.problem.retention_value_usd * columns["churned"]
        return value.astype(np.float64) - self.belief.late_loss(sample.features, sample.arm, columns["gmv"])

    def believed(self, sample: Sample) -> Floats:
        """Effects as the linear belief has them."""
        return self.belief.effects(sample.features)[:, 1:]

    def _value(self, observation: Observation, guard: Guard, effects: Effects) -> Floats:
        """(n, k) effects as the linear belief has them, and what the learner found beyond it."""
        assert isinstance(self.params, UpliftGreedyParams)
        value = guard.outlook.value
        value[:, 1:] += effects.predict(observation.features, self.params.effect_sd) * observation.present[:, None]
        return value
