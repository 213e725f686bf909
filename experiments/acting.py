"""How an agent meets a world: what it is told, who is held to the floor, which arms are drawn, what is written down."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agents.fixed import FixedAgent
from agents.interface import Agent, Problem
from experiments.config import Floor
from experiments.luck import draw_arms, held_out, propensity_of
from experiments.oracle import Oracle
from rage_env.cohort import CohortEnv
from rage_env.interface import Observation
from rage_env.log import WeekLog

__all__ = ["arms_of", "floor_of", "problem_of", "record"]


def floor_of(agent: Agent, seed: int, observation: Observation, floor: Floor) -> NDArray[np.bool_] | None:
    """(n,) users held to the floor; None for agents without one: rules and oracles."""
    if isinstance(agent, FixedAgent | Oracle) or floor.propensity == 0 or floor.share == 0:
        return None
    return held_out(seed, observation.unit, floor.share)


def problem_of(env: CohortEnv, weeks: int, floor: Floor, held: NDArray[np.bool_] | None) -> Problem:
    """The public facts of a world. held: (n,) users whose every allowed arm keeps the floor."""
    return Problem(
        k=len(env.arm_names),
        d=len(env.features),
        feature_names=env.features.names,
        arms=env.scenario.specs,
        guardrails=env.scenario.guardrails,
        retention_value_usd=env.scenario.retention_value_usd,
        weeks=weeks,
        burn_in_weeks=env.scenario.burn_in_weeks,
        reported_share={c: law.reported_share for c, law in env.laws.items()},
        floor=0.0 if held is None else np.where(held, floor.propensity, 0.0),
    )


def arms_of(
    env: CohortEnv, agent: Agent, seed: int, observation: Observation, probs: NDArray[np.float32]
) -> NDArray[np.int64]:
    """(n,) arms drawn from probs (n, k); head-counts that must hold in every draw do, unless the agent keeps none."""
    together = any(g.hard for g in env.scenario.guardrails) and not agent.unconstrained
    return draw_arms(seed, observation, probs, together=together)


def record(observation: Observation, probs: NDArray[np.float32], arm: NDArray[np.int64], env: CohortEnv) -> WeekLog:
    """The week just lived: what was seen before it, what was drawn and with which probability, what came at once."""
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
