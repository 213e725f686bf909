"""One run: one agent serves the whole population of one seed, week by week, judged against the truth as it goes.

Every week: observe, decide, draw, live, log, learn. The agent meets only observation, feedback and the problem; oracles
alone are shown the truth.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

import agents
from agents.fixed import FixedAgent
from agents.interface import Agent, Decision, Problem
from experiments import observable
from experiments.clock import Clock
from experiments.cohorts import cohort, live
from experiments.config import AgentEntry, ExperimentConfig
from experiments.control import as_known, left_alone
from experiments.guardrail_book import GuardrailBook
from experiments.luck import draw_arms, held_out, propensity_of
from experiments.metrics import UserTotals
from experiments.offline import OfflineBook
from experiments.oracle import LatentOracle, ObservableOracle, Oracle
from experiments.run_book import RunBook, RunOutcome
from experiments.watch import Lived
from experiments.watch_list import watches
from experiments.week_truth import WeekTruth, week_truth
from experiments.yardstick import Yardstick
from rage_env.cohort import CohortEnv
from rage_env.interface import Feedback, Observation
from rage_env.log import LogMeta, LogWriter, WeekLog

__all__ = ["agent_of", "problem_of", "run_agent"]


def run_agent(config: ExperimentConfig, entry: AgentEntry, seed: int, log_folder: Path | None = None) -> RunOutcome:
    """The whole run of one agent on one seed. log_folder: where the decision log is streamed to, if it is kept.

    The same bits for the same config, entry and seed, wherever and whenever it runs.
    """
    clock = Clock()
    with clock.on("world"):
        env, observation = cohort(config, seed)
    agent = agent_of(config, entry)
    held = _held(config, agent, seed, observation)
    with clock.on("agent"):
        agent.start(problem_of(env, config, held))
        for log, reports in zip(env.burn_in_logs, env.burn_in_reports, strict=True):
            agent.learn(Feedback(log, reports))
    with clock.on("control"):
        control = left_alone(config, seed)
    with clock.on("oracle"):
        model = observable.fitted(config)
    book = _book(config, entry, seed, env, model, held)
    run = _Run(config, seed, env, agent, book, clock)
    with LogWriter(log_folder, _meta(env, config, entry, seed)) if log_folder else nullcontext() as writer:
        for week in range(config.weeks):
            observation = run.week(observation, control.known[week], writer)
        if writer is not None:
            writer.append_reports(env.settle())
    with clock.on("offline"):
        outcome = book.close(control.totals)
    return replace(outcome, seconds=clock.seconds)


def agent_of(config: ExperimentConfig, entry: AgentEntry) -> Agent:
    """The agent of an entry; oracles by name, all others from agents/policies."""
    if entry.kind == LatentOracle.name:
        return cast(Agent, LatentOracle())
    if entry.kind == ObservableOracle.name:
        return cast(Agent, ObservableOracle(observable.fitted(config)))
    return agents.load(entry.kind, **entry.params)


def problem_of(env: CohortEnv, config: ExperimentConfig, held: NDArray[np.bool_] | None) -> Problem:
    """The public facts of a world. held: (n,) users whose every allowed arm keeps the study's floor."""
    floor = 0.0 if held is None else np.where(held, config.floor.propensity, 0.0)
    return Problem(
        k=len(env.arm_names),
        d=len(env.features),
        feature_names=env.features.names,
        arms=env.scenario.specs,
        guardrails=env.scenario.guardrails,
        retention_value_usd=env.scenario.retention_value_usd,
        weeks=config.weeks,
        burn_in_weeks=env.scenario.burn_in_weeks,
        reported_share={c: law.reported_share for c, law in env.laws.items()},
        floor=floor,
    )


@dataclass
class _Run:
    """The moving parts of a run."""

    config: ExperimentConfig
    seed: int
    env: CohortEnv
    agent: Agent
    book: RunBook
    clock: Clock

    def week(self, observation: Observation, control: NDArray[np.float32], writer: LogWriter | None) -> Observation:
        """Decide, draw, live, log, learn; what is observed next. control: (n,) value booked by those left alone."""
        clock, env, scenario = self.clock, self.env, self.env.scenario
        with clock.on("truth"):
            truth = week_truth(env.truth, observation, scenario.guardrails, scenario.retention_value_usd)
        decision = self._decide(observation, truth)
        with clock.on("draw"):
            together = any(g.hard for g in scenario.guardrails) and not self.agent.unconstrained
            arm = draw_arms(self.seed, observation, decision.probs, together=together)
        with clock.on("oracle"):
            self.book.measure(truth, decision.probs)
        with clock.on("world"):
            after = live(env, arm)
        log = _log(observation, decision.probs, arm, env)
        with clock.on("judging"):
            known = as_known(log.columns, env.reports(), log.user_id, scenario.retention_value_usd)
            lived = Lived(truth, log, env.reports(), known - control)
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


def _held(config: ExperimentConfig, agent: Agent, seed: int, observation: Observation) -> NDArray[np.bool_] | None:
    """(n,) users held to the floor; None for agents without one: rules and oracles."""
    if isinstance(agent, FixedAgent | Oracle) or config.floor.propensity == 0 or config.floor.share == 0:
        return None
    return held_out(seed, observation.unit, config.floor.share)


def _book(
    config: ExperimentConfig,
    entry: AgentEntry,
    seed: int,
    env: CohortEnv,
    model: observable.ObservableModel,
    held: NDArray[np.bool_] | None,
) -> RunBook:
    scenario = env.scenario
    shares = {c: law.reported_share for c, law in env.laws.items()}
    return RunBook(
        agent=entry.label,
        seed=seed,
        arm_names=env.arm_names,
        totals=UserTotals(env.num_envs, scenario.retention_value_usd),
        guardrails=GuardrailBook(scenario.guardrails, shares),
        yardstick=Yardstick(model, config.oracle.every_weeks),
        offline=OfflineBook(config, env.arm_names, env.features.names, held),
        watches=watches(config, scenario.guardrails, env.burn_in_logs, is_control=entry.kind == "no_offer"),
    )


def _log(observation: Observation, probs: NDArray[np.float32], arm: NDArray[np.int64], env: CohortEnv) -> WeekLog:
    """The record of the week just lived: what was seen before it, what was drawn and with which probability."""
    return WeekLog(
        week=observation.week,
        user_id=observation.user_id,
        unit=observation.unit,
        present=observation.present,
        arm=arm,
        propensity=propensity_of(probs, arm),
        features=observation.features,
        columns=env.columns(),
        probs=probs,
    )


def _meta(env: CohortEnv, config: ExperimentConfig, entry: AgentEntry, seed: int) -> LogMeta:
    return LogMeta(
        arm_names=env.arm_names,
        feature_names=env.features.names,
        retention_value_usd=env.scenario.retention_value_usd,
        scenario=env.scenario.name,
        config_hash=config.hash,
        seed=seed,
        agent=entry.label,
        reported_share={c: tuple(law.reported_share.tolist()) for c, law in env.laws.items()},
    )
