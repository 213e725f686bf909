"""Users of one account get one row of probabilities, and pay its price together."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

import agents
from agents.fixed import FixedAgent
from agents.interface import Agent, Decision
from agents.sharing import members, one_per_unit, together
from experiments.acting import arms_of, floor_of, problem_of
from experiments.config import Floor
from rage_env.cohort import CohortEnv
from rage_env.errors import DecisionError
from rage_env.interface import Observation, observe
from rage_env.scenario import load
from rage_env.seated import cohort_for

SLOTS = 768


def opened(seed: int = 3) -> tuple[CohortEnv, Observation]:
    env = cohort_for(load("b2b_nudge", [{"weeks": 4}]), SLOTS, seed=seed, keep_burn_in=True)
    return env, observe(*env.reset(seed=seed))


def by_user(observation: Observation) -> NDArray[np.float32]:
    """Probabilities that differ inside accounts."""
    probs = np.zeros((observation.n, observation.k), np.float32)
    odd = (observation.user_id % 2 == 1) & (observation.action_mask[:, 1] == 1)
    probs[np.arange(observation.n), odd.astype(np.intp)] = 1
    return probs


def spread_inside_units(observation: Observation, rows: NDArray[np.generic]) -> float:
    """The largest difference between two present users of one unit."""
    here = observation.present
    _, code = np.unique(observation.unit[here], return_inverse=True)
    table = rows[here].reshape(len(code), -1).astype(np.float64)
    low, high = (np.full((code.max() + 1, table.shape[1]), end) for end in (np.inf, -np.inf))
    np.minimum.at(low, code, table)
    np.maximum.at(high, code, table)
    return float((high - low).max())


def test_probabilities_that_differ_inside_an_account_are_refused_by_name() -> None:
    _, observation = opened()
    with pytest.raises(DecisionError, match=r"week 0, unit \d+: users \d+ and \d+ are decided together"):
        Decision(by_user(observation)).check(observation)
    Decision(one_per_unit(by_user(observation), observation)).check(observation)


def test_a_unit_gets_the_mean_of_its_users_wishes_and_no_arm_that_one_may_not_have() -> None:
    _, observation = opened()
    probs = by_user(observation)
    shared = one_per_unit(probs, observation)
    mine = observation.unit == observation.unit[observation.action_mask[:, 1] == 1][0]
    assert shared[mine, 1] == pytest.approx(probs[mine, 1].mean())
    row = int(np.flatnonzero(mine)[0])
    observation.action_mask[row, 1] = 0
    assert not one_per_unit(probs, observation)[mine, 1].any()
    assert one_per_unit(probs, observation).sum(axis=1) == pytest.approx(1)


def test_who_is_decided_alone_shares_with_nobody() -> None:
    env = CohortEnv(50, "fintech", seed=1)
    observation = observe(*env.reset())
    probs = np.full((50, 6), 1 / 6, np.float32)
    assert together(observation) is None
    assert one_per_unit(probs, observation) is probs
    assert (members(observation) == 1).all()


def test_members_are_those_who_are_still_there() -> None:
    _, observation = opened()
    seats = observation.features[:, 0] * 0 + members(observation)
    first = observation.unit == observation.unit[0]
    assert seats[0] == first.sum()
    observation.present[np.flatnonzero(first)[:1]] = False
    assert members(observation)[first].tolist() == [1.0, *[first.sum() - 1.0] * (int(first.sum()) - 1)]


@pytest.mark.parametrize("name", agents.names())
def test_every_agent_decides_once_for_an_account_and_one_arm_is_drawn_for_it(name: str) -> None:
    env, observation = opened()
    agent: Agent = agents.load(name)
    agent.start(problem_of(env, 4, Floor(), floor_of(agent, 3, observation, Floor())))
    if isinstance(agent, FixedAgent):
        probs = agent.decide(observation).probs
        assert spread_inside_units(observation, probs) < 1e-6
        arm = arms_of(env, agent, 3, observation, probs)
        assert spread_inside_units(observation, arm) == 0
        return
    from experiments.acting import record
    from rage_env.interface import Feedback

    for log, reports in zip(env.burn_in_logs, env.burn_in_reports, strict=True):
        agent.learn(Feedback(log, reports))
    offered = 0
    for _ in range(3):
        probs = agent.decide(observation).check(observation).probs
        assert spread_inside_units(observation, probs) < 1e-6
        arm = arms_of(env, agent, 3, observation, probs)
        assert spread_inside_units(observation, arm) == 0
        offered += int((arm > 0).sum())
        before = observation
        obs, _, _, _, info = env.step(arm)
        agent.learn(Feedback(record(before, probs, arm, env), env.reports()))
        observation = observe(obs, info)
    assert offered, "nobody was offered anything, so nothing was shared"
