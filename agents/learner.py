"""What agents that learn have in common: beliefs of the cohort, guardrails on them, and state that can be saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from agents.beliefs.cohort import BeliefSettings, CohortBelief
from agents.history import read_history, told
from agents.interface import Decision, Problem, Reason
from agents.parameters import AgentParams, Configured
from agents.safety import Guard
from rage_env.errors import DecisionError
from rage_env.interface import NO_OFFER, Feedback, Observation
from rage_env.log import CohortLog

__all__ = ["Expected", "Learner", "LearnerParams"]

_SETTLING_WEEKS = 8  # of a history: the scale of features, volumes and risk are settled on them, as on a burn-in
Arrays = dict[str, NDArray[np.generic]]


@dataclass(frozen=True, eq=False)
class Expected:
    """What is expected where that is not the belief's own outlook.

    value: (n, k) dollars beyond arm 0. means: {column of the ledger: (n, k)}.
    """

    value: NDArray[np.float64]
    means: Mapping[str, NDArray[np.float64]]


class LearnerParams(AgentParams):
    """caution: posterior sds of pooled usage kept as margin on every guardrail. keep: evidence left after a week.

    history: folder of a log (of a run with keep_logs) that the agent learns from before its own burn-in.
    adapt_prior: let the data say how wide effects are, within the declared prior, rather than take it at its word.
    """

    caution: float = Field(default=1.5, ge=0, le=10)
    keep: float = Field(default=0.99, gt=0, le=1)
    history: str | None = None
    adapt_prior: bool = False


class Learner(Configured):
    """Believes, plans under guardrails, learns; a subclass says which value it plans for (`choose`)."""

    Params: ClassVar[type[AgentParams]] = LearnerParams
    problem: Problem | None = None
    belief: CohortBelief
    last: NDArray[np.float64]  # (n, k) the plan of the week decided last
    before: NDArray[np.float64]  # (n, k) and of the one before
    decided: int
    history: CohortLog | None = None  # until it was learned from

    def start(self, problem: Problem) -> None:
        """Forget everything and face this problem. Raises LogError for a history that is none of this world's."""
        self.problem = problem
        folder = self._learner.history
        self.history = None if folder is None else read_history(self.name, folder, problem)
        self.belief = CohortBelief(problem, BeliefSettings(keep=self._learner.keep, adapt=self._learner.adapt_prior))
        self.last = self.before = np.empty((0, problem.k))
        self.decided = -(10**9)  # the week of the last decision; deciding it again starts from the same plan

    def learn(self, feedback: Feedback) -> None:
        """Update the beliefs."""
        self._started()
        self._look_back()
        self.belief.learn(feedback)

    def decide(self, observation: Observation) -> Decision:
        """What `choose` answers. Raises DecisionError before start, or for another world."""
        problem = self._started()
        _fits(problem, observation, self.name)
        self._look_back()
        guard = self.guard(observation)
        if observation.week != self.decided:
            self.before, self.decided = self.last, observation.week
        start = self.before if self.before.shape == guard.base.shape else guard.base
        decision = self.choose(observation, guard, start * observation.present[:, None])
        self.last = decision.probs.astype(np.float64)
        expects = guard.outlook if decision.expects is None else decision.expects
        return replace(decision, expects=expects).check(observation)

    def guard(self, observation: Observation) -> Guard:
        """The week's guardrails as this agent keeps them."""
        return Guard(self._started(), observation, self.belief.look(observation), self._learner.caution)

    def choose(self, observation: Observation, guard: Guard, start: NDArray[np.float64]) -> Decision:
        """Probabilities that keep the guard's rows. start: (n, k) last week's plan, where margins are linearised."""
        raise NotImplementedError

    def describe(self) -> dict[str, object]:
        """Name, parameters, and how much was learned."""
        about: dict[str, object] = {"name": self.name, "unconstrained": False}
        about["params"] = self.params.model_dump(mode="json")
        if self.problem is not None and self.belief.basis is not None:
            about["last_week_learned"] = self.belief.last_week
            about["treated_rows"] = dict(
                zip([a.name for a in self.problem.arms], self.belief.churn.rows.round(1).tolist(), strict=True)
            )
        return about

    def save(self) -> tuple[Arrays, dict[str, object]]:
        """Beliefs, last plan, and what the subclass keeps."""
        self._started()
        self._look_back()
        arrays = {f"belief/{k}": v for k, v in self.belief.arrays().items()}
        return {**arrays, "last": self.last, "before": self.before, **self.own_arrays()}, {
            "name": self.name,
            "decided": self.decided,
        }

    def load(self, arrays: Mapping[str, NDArray[np.generic]], facts: Mapping[str, object]) -> None:
        """Inverse of save. Raises DecisionError for the state of another agent."""
        self._started()
        if facts.get("name") != self.name:
            raise DecisionError(f"{self.name}: cannot take the state of {facts.get('name')!r}; load it into that agent")
        self.history = None
        self.belief.restore({k.removeprefix("belief/"): v for k, v in arrays.items() if k.startswith("belief/")})
        self.last = np.array(arrays["last"], dtype=np.float64)
        self.before = np.array(arrays["before"], dtype=np.float64)
        self.decided = int(str(facts["decided"]))
        self.own_restore(arrays)

    def begin_run(self) -> None:
        """The history ends here: what it left behind is older than the run's burn-in."""
        self.belief.begin_run()

    def _look_back(self) -> None:
        """Live through the history once, if there is one."""
        if self.history is None:
            return
        log, self.history = self.history, None
        self.belief.prepare(list(told(log))[:_SETTLING_WEEKS])
        for feedback in told(log):
            self.learn(feedback)
        self.begin_run()

    def own_arrays(self) -> Arrays:
        """What a subclass remembers beside beliefs and plan."""
        return {}

    def own_restore(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Inverse of own_arrays."""

    def rng(self, week: int) -> np.random.Generator:
        """The agent's own luck of a week; the world's is another."""
        return np.random.default_rng([self.params.seed, week + 1_000, *self.name.encode()])

    @property
    def _learner(self) -> LearnerParams:
        assert isinstance(self.params, LearnerParams)
        return self.params

    def _started(self) -> Problem:
        if self.problem is None:
            raise DecisionError(f"{self.name}: asked before start; call start(problem) first")
        return self.problem


def reasons(probs: NDArray[np.floating], observation: Observation) -> NDArray[np.int8]:
    """(n,) why each user was treated so: masked, targeted where an offer is likelier than not, else unprofitable."""
    treated = 1.0 - probs[:, NO_OFFER] > 0.5
    code = np.where(treated, Reason.TARGETED, Reason.UNPROFITABLE)
    return np.where(observation.action_mask.sum(axis=1) > 1, code, Reason.MASKED).astype(np.int8)


def _fits(problem: Problem, observation: Observation, name: str) -> None:
    if observation.k != problem.k or observation.features.shape[1] != problem.d:
        raise DecisionError(
            f"{name}: started for {problem.k} arms and {problem.d} features, but week {observation.week} shows "
            f"{observation.k} and {observation.features.shape[1]}; start the agent with this world's problem"
        )
