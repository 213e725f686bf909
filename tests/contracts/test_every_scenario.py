"""Every shipped scenario and every mechanism keeps the contract of the world."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import rage_env
from rage_env import configs, mechanisms, scenario
from rage_env.cohort import CohortEnv
from rage_env.describe import describe
from rage_env.outcomes import COLUMNS
from rage_env.week import Columns, Week
from tests.rage_env.full_world import FULL, full_cohort

SCENARIOS = configs.names("scenarios")


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_shipped_world_keeps_every_invariant(name: str) -> None:
    assert rage_env.check_world(CohortEnv(10, name), users=1000, weeks=10)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_shipped_world_is_registered_and_passes_gymnasium_s_checker(name: str) -> None:
    weeks = max(scenario.load(name).weeks, 2)  # the checker takes an episode that ends with its first step for broken
    check_env(gymnasium.make(f"rage/{name}-v0", weeks=weeks).unwrapped)
    env = gymnasium.make_vec(f"rage/{name}-v0", num_envs=5)
    assert env.observation_space.contains(env.reset(seed=1)[0])


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_shipped_world_can_be_described_and_sources_every_number(name: str) -> None:
    assert not scenario.load(name).unsourced()
    assert {t.title for t in describe(name, users=300)} >= {"unit economics per arm", "assumptions"}


@pytest.mark.parametrize("name", mechanisms.names())
def test_a_mechanism_gives_what_it_declares_and_its_mean_the_ledger_s_part_of_it(name: str) -> None:
    worlds = [w for w in SCENARIOS if name in scenario.load(w).used]
    assert worlds or name in FULL["mechanisms"], f"no world uses the mechanism {name}"
    env = CohortEnv(200, worlds[0]) if worlds else full_cohort(200)
    env.reset(seed=1)
    arm = np.arange(200) % env.world.arms.k
    module = mechanisms.module(name)
    drawn: Columns = {}
    expected: Columns = {}
    luck = env.luck(slice(None), 0)
    for other, params in env.scenario.used.items():
        one = Week(env.world.arms, env.traits, env.lives, arm, luck, drawn)
        mean = Week(env.world.arms, env.traits, env.lives, arm, None, expected)
        way, branches = mechanisms.module(other), getattr(mechanisms.module(other), "branches", None)
        now, then = way.draw(one, params), way.mean(mean, params) if branches is None else branches(mean, params)[0][1]
        if other == name:
            assert set(now) == {*module.GIVES, *getattr(module, "REVISES", ())}
            assert set(then) >= set(module.GIVES) & set(COLUMNS)
            assert all(v.dtype == np.float32 for c, v in now.items() if c in COLUMNS)
        drawn.update(now)
        expected.update(then)
