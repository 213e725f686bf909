"""Ranks by who is likely to convert: the campaign that spends its budget on those who would have bought anyway.

Conversion is predicted by boosted trees from all rows of its own log, burn-in included, whatever was offered in them;
the program of the week then gives the offer to those who come first, as far as guardrails allow.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from agents.beliefs.trees import Forest, grow
from agents.fixed import arm_index
from agents.interface import Decision, Problem
from agents.kept import Kept
from agents.learner import Learner, LearnerParams, reasons
from agents.parameters import AgentParams
from agents.safety import Guard
from rage_env.interface import Feedback, Observation


class PropensityGreedyParams(LearnerParams):
    """arm: name or index of the offer. conversion: the ledger's yes or no that is predicted.

    refit_weeks: when it is fitted. rows_per_week, rows_per_fit: most rows kept and fitted.
    """

    arm: str | Annotated[int, Field(ge=1)] = 1
    conversion: Literal["active", "redeemed"] = "active"
    refit_weeks: tuple[int, ...] = Field(default=(0, 4, 8, 16), strict=False)  # a YAML list will do
    rows_per_week: int = Field(default=8_000, ge=100)
    rows_per_fit: int = Field(default=30_000, ge=100)


class PropensityGreedy(Learner):
    """Greedy on predicted conversion. Remembers rows of its own log, the trees and the week they were fitted."""

    name = "propensity_greedy"
    Params: ClassVar[type[AgentParams]] = PropensityGreedyParams
    arm = 1
    kept: Kept
    fitted: int  # the week before which the trees were fitted; -1 for never
    trees: Forest | None

    def start(self, problem: Problem) -> None:
        """Forget log and trees. Raises ConfigError where the world lacks the arm."""
        super().start(problem)
        self.arm = arm_index(self.name, self._own.arm, problem)
        self.kept = Kept((self._own.conversion,), self._own.rows_per_week, self.params.seed)
        self.fitted, self.trees = -1, None

    def learn(self, feedback: Feedback) -> None:
        """Beliefs of usage as for every learner, and a sample of the week's rows."""
        super().learn(feedback)
        self.kept.add(feedback.new)

    def begin_run(self) -> None:
        """Rows of the history stay, dated before the run."""
        super().begin_run()
        assert self.problem is not None
        self.kept.begin_run(self.problem.burn_in_weeks)

    def choose(self, observation: Observation, guard: Guard, start: NDArray[np.float64]) -> Decision:
        """The offer for those most likely to convert; for nobody before the first fit."""
        self._refit(observation.week)
        value = np.zeros((observation.n, observation.k))
        if self.trees is not None:
            value[:, self.arm] = self.trees.probability(observation.features) * observation.present
        plan = guard.plan(value, start)
        return Decision(plan.probs, plan.allocation, reasons(plan.probs, observation))

    def _refit(self, week: int) -> None:
        due = [w for w in self._own.refit_weeks if self.fitted < w <= week]
        sample = self.kept.before(week, self._own.rows_per_fit) if due else None
        if sample is not None:
            bought = (sample.columns[self._own.conversion] > 0).astype(np.float64)
            self.trees, self.fitted = grow(sample.features, bought, yes_or_no=True), week

    def own_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Rows kept for later fits, and the trees."""
        out: dict[str, NDArray[np.generic]] = {"fitted": np.array(self.fitted)}
        out |= {f"kept/{name}": held for name, held in self.kept.arrays().items()}
        if self.trees is not None:
            out |= {f"trees/{name}": held for name, held in self.trees.arrays().items()}
        return out

    def own_restore(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Inverse of own_arrays."""
        self.fitted = int(arrays["fitted"])
        self.kept.restore(arrays, "kept/")
        self.trees = Forest.of(arrays, "trees/") if "trees/base" in arrays else None

    @property
    def _own(self) -> PropensityGreedyParams:
        assert isinstance(self.params, PropensityGreedyParams)
        return self.params
