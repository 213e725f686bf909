"""One run: one agent serves the whole population of one seed, week by week, judged against the truth as it goes.

Every week: observe, decide, draw, live, log, learn. The agent meets only observation, feedback and the problem; oracles
alone are shown the truth.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

import agents
from agents.interface import Agent, Decision
from experiments import observable, provenance
from experiments.acting import arms_of, floor_of, problem_of, record
from experiments.clock import Clock
from experiments.cohorts import cohort, live
from experiments.completed import Completed
from experiments.config import BESIDE_RESULTS, AgentEntry, ExperimentConfig
from experiments.control import left_alone
from experiments.exhibits import Exhibits
from experiments.guardrail_book import GuardrailBook
from experiments.interrupts import end_if_told
from experiments.metrics import UserTotals
from experiments.offered import Told
from experiments.offline import OfflineBook
from experiments.oracle import LatentOracle, ObservableOracle, Oracle
from experiments.past import tell_past
from experiments.run_book import RunBook, RunOutcome
from experiments.watch import Lived
from experiments.watch_list import watches
from experiments.week_truth import WeekTruth, week_truth
from experiments.yardstick import Yardstick
from rage_env.cohort import CohortEnv
from rage_env.interface import Feedback, Observation
from rage_env.log import LogMeta, LogWriter, Reports, WeekLog
from rage_env.yamlfile import config_hash

__all__ = ["Keeper", "agent_of", "exhibits_of", "lived", "meta_of", "run_agent", "serve"]

EVERYBODY = slice(None)


def run_agent(config: ExperimentConfig, entry: AgentEntry, seed: int, log_folder: Path | None = None) -> RunOutcome:
    """The whole run of one agent on one seed. log_folder: where the decision log is streamed to, if it is kept.

    The same bits for the same config, entry and seed, wherever and whenever it runs.
    """

    def writer(env: CohortEnv) -> AbstractContextManager[Keeper | None]:
        if log_folder is None:
            return nullcontext()
        withheld = entry.withhold_propensities
        return LogWriter(log_folder, meta_of(env, config, entry.label, seed), withhold_propensities=withheld)

    return serve(config, entry, seed, agent_of(config, entry), writer)


class Keeper(Protocol):
    """Takes in what a log is made of, as it is lived."""

    def append(self, week: WeekLog) -> None:
        """One week."""
        ...

    def append_reports(self, reports: Reports) -> None:
        """What became known since."""
        ...


def serve(
    config: ExperimentConfig,
    entry: AgentEntry,
    seed: int,
    agent: Agent,
    keeper: Callable[[CohortEnv], AbstractContextManager[Keeper | None]],
) -> RunOutcome:
    """The whole run of this very agent, under the name and the floor of `entry`. keeper: who takes in its log."""
    return lived(config, entry, seed, agent, keeper)[0]


def lived(
    config: ExperimentConfig,
    entry: AgentEntry,
    seed: int,
    agent: Agent,
    keeper: Callable[[CohortEnv], AbstractContextManager[Keeper | None]],
) -> tuple[RunOutcome, Observation]:
    """What `serve` answers, and what is observed at its end: the week that the agent would decide next."""
    clock = Clock()
    with clock.on("world"):
        env, observation = cohort(config, seed)
    held = floor_of(agent, seed, observation, config.floor)
    with clock.on("agent"):
        agent.start(problem_of(env, config.weeks, config.floor, held))
        tell_past(agent, config, seed)
        for log, reports in zip(env.burn_in_logs, env.burn_in_reports, strict=True):
            agent.learn(Feedback(log, reports))
    with clock.on("control"):
        control = left_alone(config, seed)
    with clock.on("oracle"):
        model = observable.fitted(config)
    completed = Completed.of(env, observation.user_id)
    told = Told.of(env, completed, observation.unit)
    book = _book(config, entry, seed, env, model, held, told)
    run = _Run(config, seed, env, agent, book, completed, clock)
    with keeper(env) as writer:
        for week in range(config.weeks):
            observation = run.week(observation, control.completed[week], writer)
            end_if_told()
        if writer is not None:
            writer.append_reports(env.settle())
    with clock.on("offline"):
        outcome = book.close(control.totals)
    return replace(outcome, seconds=clock.seconds), observation


def agent_of(config: ExperimentConfig, entry: AgentEntry) -> Agent:
    """The agent of an entry; oracles by name, all others from agents/policies."""
    if entry.kind == LatentOracle.name:
        return cast(Agent, LatentOracle())
    if entry.kind == ObservableOracle.name:
        return cast(Agent, ObservableOracle(observable.fitted(config)))
    return agents.load(entry.kind, **entry.params)


@dataclass
class _Run:
    """The moving parts of a run."""

    config: ExperimentConfig
    seed: int
    env: CohortEnv
    agent: Agent
    book: RunBook
    completed: Completed
    clock: Clock

    def week(self, observation: Observation, control: NDArray[np.float32], writer: Keeper | None) -> Observation:
        """Decide, draw, live, log, learn; what is observed next. control: (n,) what those left alone brought."""
        clock, env, scenario = self.clock, self.env, self.env.scenario
        with clock.on("truth"):
            truth = week_truth(env.truth, observation, scenario.guardrails, scenario.retention_value_usd)
        decision = self._decide(observation, truth)
        with clock.on("draw"):
            arm = arms_of(env, self.agent, self.seed, observation, decision.probs)
        with clock.on("oracle"):
            self.book.measure(truth, decision.probs)
        with clock.on("world"):
            after = live(env, arm)
        log = record(observation, decision.probs, arm, env)
        with clock.on("judging"):
            moved = self.completed.week(log.week, log.columns, env.reports())
            lived = Lived(truth, log, env.reports(), moved - control)
            self.book.enter(lived, decision, env.truth.ledger())
        with clock.on("log"):
            if writer is not None:
                writer.append(log)
                writer.append_reports(env.reports())
        with clock.on("agent"):
            self.agent.learn(Feedback(log, env.reports()))
        return after

    def _decide(self, observation: Observation, truth: WeekTruth) -> Decision:
        with self.clock.on("agent"):
            if isinstance(self.agent, Oracle):
                self.agent.see(truth)
            return self.agent.decide(observation).check(observation)


def _book(
    config: ExperimentConfig,
    entry: AgentEntry,
    seed: int,
    env: CohortEnv,
    model: observable.ObservableModel,
    held: NDArray[np.bool_] | None,
    told: Told,
) -> RunBook:
    scenario = env.scenario
    return RunBook(
        agent=entry.label,
        seed=seed,
        arm_names=env.arm_names,
        totals=UserTotals(env.assigned, scenario.retention_value_usd),
        guardrails=GuardrailBook(scenario.guardrails, told.shares),
        yardstick=Yardstick(model, config.oracle.every_weeks),
        offline=OfflineBook(config, env.arm_names, env.features.names, held),
        watches=watches(config, told, is_control=entry.kind == "no_offer"),
        exhibits=exhibits_of(env, config, seed),
    )


def exhibits_of(
    env: CohortEnv, config: ExperimentConfig, seed: int, rows: slice | NDArray[np.int64] = EVERYBODY
) -> Exhibits:
    """What a run of this seed keeps to be shown; samples of users in the first seed alone. rows: whose run it is."""
    archetype = env.truth.archetypes.codes[rows]
    return Exhibits(env.arm_names, env.features.names, archetype, config.weeks, seed == config.seeds[0])


def meta_of(env: CohortEnv, config: ExperimentConfig, agent: str, seed: int) -> LogMeta:
    """What a log must say of itself. agent: the name that its folder has."""
    return LogMeta(
        arm_names=env.arm_names,
        feature_names=env.features.names,
        retention_value_usd=env.scenario.retention_value_usd,
        scenario=env.scenario.name,
        config_hash=config.hash,
        seed=seed,
        agent=agent,
        reported_share={c: tuple(law.reported_share.tolist()) for c, law in env.laws.items()},
        provenance={
            "experiment": config.model_dump(mode="json", exclude=set(BESIDE_RESULTS)),
            "scenario_hash": config_hash(config.world()),
            **provenance.environment_of_bits(),
        },
    )
