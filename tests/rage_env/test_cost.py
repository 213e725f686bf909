"""A step with six values: the cost is what the guardrail books, for who acted, larger being worse."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest

from rage_env.cost import CostEnv
from rage_env.errors import ConfigError, UnknownNameError

FLOOR = {
    "name": "activity_floor",
    "numerator": {"active": 1.0},
    "denominator": {"assigned": 1.0},
    "limit": 0.3,
    "sense": ">=",
}


def cohort(n: int = 600, **keywords: Any) -> Any:  # Any: a VectorEnv of any kind of observation
    return gymnasium.make_vec("rage/fintech-v0", num_envs=n, weeks=6, **keywords)


def test_the_cost_of_a_guardrail_is_its_numerator_less_limit_times_denominator() -> None:
    inner = cohort()
    env = CostEnv(inner, "bonus_budget")
    env.reset(seed=1)
    limit = {g.name: g.limit for g in inner.unwrapped.scenario.guardrails}["bonus_budget"]
    for _ in range(3):
        present = inner.unwrapped.lives.alive.copy()
        obs, reward, cost, terminated, truncated, info = env.step(np.full(600, 4))
        booked = inner.unwrapped.columns()["bonus_cost"]
        assert cost == pytest.approx(booked - limit * present, abs=1e-5)
        assert cost.shape == reward.shape == terminated.shape == truncated.shape == (600,)
        assert obs.shape[0] == 600
        assert set(info) >= {"cost", "action_mask"}
        assert cost.sum() > 0  # bonuses for all break the budget, and the cost says so


def test_all_guardrails_come_in_the_order_of_their_names() -> None:
    env, one = CostEnv(cohort()), CostEnv(cohort(), "loss_rate")
    env.reset(seed=1)
    one.reset(seed=1)
    for _ in range(4):
        every, alone = env.step(np.full(600, 5))[2], one.step(np.full(600, 5))[2]
        assert every.shape == (600, len(env.names))
        assert (every[:, env.names.index("loss_rate")] == alone).all()


def test_a_guardrail_that_asks_for_more_costs_where_there_is_less() -> None:
    world = cohort(scenario={"guardrails": [FLOOR]})
    env = CostEnv(world, "activity_floor")
    env.reset(seed=1)
    *_, cost, _, _, _ = env.step(np.zeros(600, np.int64))
    active = world.unwrapped.columns()["active"]
    assert cost == pytest.approx(0.3 - active, abs=1e-6)


def test_costs_of_who_left_are_not_lost_to_the_newcomer_in_the_slot() -> None:
    world = cohort(population="open")
    env = CostEnv(world, "bonus_budget")
    env.reset(seed=2)
    limit = {g.name: g.limit for g in world.unwrapped.scenario.guardrails}["bonus_budget"]
    _, _, cost, terminated, _, info = env.step(np.full(600, 4))
    booked = world.unwrapped.columns()["bonus_cost"]
    assert terminated.any()
    assert cost == pytest.approx(booked - limit, abs=1e-5)
    assert not info["cost"][terminated].any()


def test_one_user_s_cost_is_the_user_s_part_of_the_cohort_s() -> None:
    many = CostEnv(cohort(20))
    one = CostEnv(gymnasium.make("rage/fintech-v0", user=7, weeks=6), "contact_capacity")
    many.reset(seed=3)
    one.reset(seed=3)
    assert "contact_capacity" in many.names
    for _ in range(3):
        every = many.step(np.full(20, 1))[2]
        _, reward, cost, over, _, _ = one.step(np.int64(1))
        assert isinstance(cost, float)
        assert isinstance(reward, float)
        assert cost == every[7, many.names.index("contact_capacity")]
        if over:
            break


def test_gymnasium_s_wrappers_go_around_the_environment_first() -> None:
    inner = gymnasium.wrappers.vector.RecordEpisodeStatistics(cohort(50))
    env = CostEnv(inner, "loss_rate")
    env.reset(seed=1)
    for _ in range(6):
        *_, info = env.step(np.zeros(50, np.int64))
    assert "episode" in info
    assert env.unwrapped is inner.unwrapped
    env.close()


def test_what_has_no_such_cost_is_refused_by_name() -> None:
    with pytest.raises(UnknownNameError, match=r"no guardrail is called 'loss_rat': did you mean 'loss_rate'\?"):
        CostEnv(cohort(), "loss_rat")
    with pytest.raises(ConfigError, match="CostEnv wraps an environment of RAGE, got CartPoleEnv"):
        CostEnv(gymnasium.make("CartPole-v1"))
