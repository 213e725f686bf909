"""One group and the agent that serves it: what the agent is shown, what it decides, and from when on it is stopped."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from agents.interface import Agent, Decision
from experiments.ab.view import log_of, observed_by, reports_of, truth_of
from experiments.acting import arms_of, floor_of, problem_of
from experiments.cohorts import Stage
from experiments.config_ab import Ab
from experiments.oracle import Oracle
from experiments.week_truth import WeekTruth
from rage_env.cohort import CohortEnv
from rage_env.guardrails import Guardrail
from rage_env.interface import NO_OFFER, Feedback, Observation
from rage_env.log import Reports, WeekLog
from rage_env.standing import Standing

__all__ = ["Seat", "Stop", "Turn"]

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Stop:
    """Why a group was stopped: at the end of `week`, by the monitor (or rule) of that label."""

    week: int
    by: str
    reason: str


@dataclass(frozen=True, eq=False)
class Turn:
    """One week of a group, decided."""

    observation: Observation  # as the agent sees it
    decision: Decision
    arm: Ints  # (m,)
    served: NDArray[np.bool_]  # (m,)
    truth: WeekTruth | None  # of the group, where it was asked for


@dataclass(eq=False)
class Seat:
    """Remembers who was served in which week, sums to date of its guardrails, and the stop."""

    name: str
    rows: Ints  # (m,) of the cohort, rising
    place: NDArray[np.float64]  # (m,) in the order of roll-out
    agent: Agent
    guardrails: tuple[Guardrail, ...]  # the group's own
    plan: Ab
    stop: Stop | None = None
    held: NDArray[np.bool_] | None = None  # (m,) users with a floor; None for agents without
    served: list[NDArray[np.bool_]] = field(default_factory=list)

    def start(self, env: CohortEnv, stage: Stage, observation: Observation) -> None:
        """Tell the agent its problem and the burn-in of its users. observation: of the cohort, week 0."""
        everyone, config = np.ones(len(self.rows), np.bool_), stage.config
        self.standing = Standing(self.guardrails)
        mine = observed_by(observation, self.rows, everyone, self.standing)
        self.user_id = mine.user_id
        self.held = floor_of(self.agent, stage.seed, mine, config.floor)
        problem = problem_of(env, config.weeks, config.floor, self.held)
        self.agent.start(replace(problem, guardrails=self.guardrails))
        for log, reports in zip(env.burn_in_logs, env.burn_in_reports, strict=True):
            self.agent.learn(Feedback(log_of(log, self.rows, everyone), self._mine(reports)))

    def turn(
        self, env: CohortEnv, seed: int, observation: Observation, means: dict[str, NDArray[np.float64]] | None
    ) -> Turn:
        """The week's decision and draw. means: {column: (n, k)} of the cohort; None: no truth is wanted."""
        served = self._served(observation.week)
        self.served.append(served)
        mine = observed_by(observation, self.rows, served, self.standing)
        retention = env.scenario.retention_value_usd
        truth = None if means is None else truth_of(means, mine, self.rows, self.guardrails, retention)
        if self.stopped(observation.week):
            nobody = np.zeros((mine.n, mine.k), np.float32)
            nobody[:, NO_OFFER] = 1
            return Turn(mine, Decision(nobody), np.zeros(mine.n, np.int64), served, truth)
        if isinstance(self.agent, Oracle) and truth is not None:
            self.agent.see(truth)
        decision = self.agent.decide(mine).check(mine)
        return Turn(mine, decision, arms_of(env, self.agent, seed, mine, decision.probs), served, truth)

    def hear(self, log: WeekLog, reports: Reports) -> tuple[WeekLog, Reports]:
        """What the group's week brought, as the agent learns it. log, reports: of the cohort."""
        week, late = log_of(log, self.rows, self.served[-1]), self._mine(reports)
        self.standing.add_week(week.columns, week.present)
        self.standing.add_reports(late)
        if not self.stopped(log.week):
            self.agent.learn(Feedback(week, late))
        return week, late

    def stopped(self, week: int) -> bool:
        """Whether the group is on control in this week."""
        return self.stop is not None and week > self.stop.week

    def _served(self, week: int) -> NDArray[np.bool_]:
        if self.stopped(week):
            return np.zeros(len(self.rows), np.bool_)
        return np.asarray(self.place < self.plan.reached(week))

    def _mine(self, reports: Reports) -> Reports:
        return reports_of(reports, self.user_id, self.served)
