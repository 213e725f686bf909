"""The weekly loop of a shared world: every seat decides for its own users, all others follow a script."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from agents.interface import Agent
from experiments.ab.groups import Groups
from experiments.ab.limits import pro_rata
from experiments.ab.seat import Seat, Turn
from experiments.ab.tape import Tape
from experiments.acting import record
from experiments.cohorts import Stage, live
from experiments.config import AgentEntry, ExperimentConfig
from experiments.interrupts import end_if_told
from experiments.oracle import ObservableOracle, Oracle
from experiments.runner import agent_of
from rage_env.cohort import CohortEnv
from rage_env.guardrails import Guardrail
from rage_env.interface import NO_OFFER, Observation
from rage_env.log import Reports, WeekLog

__all__ = ["Week", "play", "seat_of"]


@dataclass(frozen=True, eq=False)
class Week:
    """A week just lived, whole and by seat."""

    log: WeekLog  # of the cohort, everybody as they were
    reports: Reports  # of this week, of everybody
    turns: Sequence[Turn]
    heard: Sequence[tuple[WeekLog, Reports]]  # by seat, as its agent learned it


def seat_of(config: ExperimentConfig, groups: Groups, entry: AgentEntry, env: CohortEnv) -> Seat:
    """The seat of an agent's group, not yet started. Raises GuardrailError for limits that cannot be shared out."""
    assert config.ab is not None
    group = groups.names.index(entry.label)
    limits = pro_rata(env.scenario.guardrails, groups.shares[group], entry.label)
    rows = groups.rows(group)
    return Seat(entry.label, rows, groups.place[rows], _agent(config, entry, limits), limits, config.ab)


def _agent(config: ExperimentConfig, entry: AgentEntry, limits: tuple[Guardrail, ...]) -> Agent:
    agent = agent_of(config, entry)
    if isinstance(agent, ObservableOracle):
        agent.model = replace(agent.model, guardrails=limits)
        return cast(Agent, agent)
    return agent


def play(
    stage: Stage,
    world: tuple[CohortEnv, Observation],
    seats: Sequence[Seat],
    script: NDArray[np.int64] | None = None,
    judge: Callable[[CohortEnv, Week], None] | None = None,
) -> Tape:
    """Live all weeks. world: of the stage, just opened; seats: started.

    script: (weeks, n) arms of users in no seat, arm 0 by default. judge: called at the end of every week; it may stop
    seats from the next week on.
    """
    (env, observation), weeks = world, stage.config.weeks
    wants_truth = judge is not None or any(isinstance(s.agent, Oracle) for s in seats)
    tape = Tape(weeks, env.assigned, env.scenario.retention_value_usd)
    for week in range(weeks):
        means = dict(env.truth.mean_outcomes()) if wants_truth else None
        turns = [seat.turn(env, stage.seed, observation, means) for seat in seats]
        arm = np.where(observation.present, 0 if script is None else script[week], NO_OFFER)
        probs = np.eye(observation.k, dtype=np.float32)[arm]
        for seat, turn in zip(seats, turns, strict=True):
            arm[seat.rows], probs[seat.rows] = turn.arm, turn.decision.probs
        after = live(env, arm)
        log = record(observation, probs, arm, env)
        observation = after
        tape.note(week, arm, env.truth.ledger())
        heard = [seat.hear(log, env.reports()) for seat in seats]
        if judge is not None:
            judge(env, Week(log, env.reports(), turns, heard))
        end_if_told()
    return tape
