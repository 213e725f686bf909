"""Lives a world week by week under a policy and hands out each week as it ends: for data files and streams."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import agents
from agents.fixed import FixedAgent
from experiments.acting import arms_of, floor_of, problem_of, record
from experiments.config import Floor
from experiments.hidden import Depth, Hidden
from experiments.interrupts import end_if_told
from rage_env import yamlfile
from rage_env.cohort import CohortEnv
from rage_env.errors import ConfigError
from rage_env.interface import Feedback, Observation, observe
from rage_env.log import Reports, WeekLog
from rage_env.scenario import Scenario

__all__ = ["History", "LivedWeek", "Plan"]


@dataclass(frozen=True)
class Plan:
    """Who lives where, for how many weeks, and who decides for them. world: its own `weeks` do not count.

    policy: an agent's name; params: its parameters. population: `open` refills the slot of whoever left.
    newborn: everyone joins at week 0.
    """

    world: Scenario
    users: int
    weeks: int
    seed: int
    policy: str = "status_quo"
    params: Mapping[str, object] = field(default_factory=dict)
    population: Literal["closed", "open"] = "closed"
    newborn: bool = False

    def __post_init__(self) -> None:
        if self.users < 1:
            raise ConfigError(f"users: at least one, got {self.users}")

    @property
    def scenario_hash(self) -> str:
        """64 hexadecimal digits of the world's numbers; a study of the same scenario and overrides says the same."""
        return yamlfile.config_hash(self.world)


@dataclass(frozen=True, eq=False)
class LivedWeek:
    """A week that has just ended. seen: what was observed before it; reports: what became known during it."""

    seen: Observation
    log: WeekLog
    reports: Reports
    hidden: Hidden | None


class History:
    """One cohort and the agent that serves it. Can be lived once."""

    past: tuple[WeekLog, ...] = ()  # the weeks before the first, oldest first; where they are kept

    def __init__(self, plan: Plan, depth: Depth = "seen", *, keep_past: bool = False) -> None:
        """depth: how much of the truth is handed out beside the log. Raises ConfigError for an unfit policy."""
        self.plan, self.depth = plan, depth
        self.agent = agents.load(plan.policy, **plan.params)
        self.env = CohortEnv(
            plan.users,
            plan.world,
            weeks=plan.weeks,
            seed=plan.seed,
            population=plan.population,
            newborn=plan.newborn,
            keep_burn_in=keep_past or not isinstance(self.agent, FixedAgent),  # rules learn nothing from it
        )
        self.seen = observe(*self.env.reset(seed=plan.seed))
        if keep_past:
            self.past = tuple(self.env.burn_in_logs)
        self._start()

    def weeks(self) -> Iterator[LivedWeek]:
        """The weeks, one after the other."""
        for _ in range(self.plan.weeks):
            yield self._live()
            end_if_told()

    def _start(self) -> None:
        """Tell the agent the world and the weeks before the first."""
        env, agent, floor = self.env, self.agent, Floor()
        held = floor_of(agent, self.plan.seed, self.seen, floor)
        agent.start(problem_of(env, self.plan.weeks, floor, held))
        for log, reports in zip(env.burn_in_logs, env.burn_in_reports, strict=True):
            agent.learn(Feedback(log, reports))
        env.burn_in_logs, env.burn_in_reports = [], []

    def _live(self) -> LivedWeek:
        env, seen = self.env, self.seen
        hidden = Hidden.before(env, self.depth)
        probs = self.agent.decide(seen).check(seen).probs
        arm = arms_of(env, self.agent, self.plan.seed, seen, probs)
        obs, _, _, _, info = env.step(arm)
        log = record(seen, probs, arm, env)
        lived = LivedWeek(seen, log, env.reports(), None if hidden is None else hidden.after(env))
        self.agent.learn(Feedback(log, env.reports()))
        self.seen = observe(obs, info)
        return lived
