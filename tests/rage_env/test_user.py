"""One user's environment is a Gymnasium environment and the same life as in the cohort."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from rage_env.cohort import CohortEnv
from rage_env.errors import ConfigError, DecisionError
from rage_env.user import UserEnv


@pytest.mark.parametrize("id_", ["rage/fintech-v0", "rage_env:rage/fintech-v0"])
def test_gymnasium_s_checker_finds_nothing_to_say(id_: str) -> None:
    check_env(gymnasium.make(id_, weeks=8).unwrapped)


@pytest.mark.parametrize("user", [0, 17, 250])
def test_a_user_alone_lives_the_life_of_the_same_user_in_the_cohort(user: int) -> None:
    alone, cohort = UserEnv(user=user, weeks=6), CohortEnv(300, weeks=6)
    obs, info = alone.reset(seed=4)
    every, _ = cohort.reset(seed=4)
    assert (obs == every[user]).all()
    assert info["user_id"] == user
    for week in range(6):
        arm = np.random.default_rng(week).integers(0, 6, 300)
        obs, reward, terminated, truncated, info = alone.step(arm[user])
        every, rewards, terminations, truncations, infos = cohort.step(arm)
        assert (obs == every[user]).all()
        assert (reward, terminated, truncated) == (rewards[user], terminations[user], truncations[user])
        assert info["present"] == infos["present"][user]
        if terminated:
            break


def test_an_episode_ends_by_leaving_or_at_the_last_week() -> None:
    env = gymnasium.make("rage/fintech-v0", weeks=5)
    for seed in range(30):
        env.reset(seed=seed)
        lived, ended = 0, False
        while not ended:
            _, reward, terminated, truncated, _ = env.step(np.int64(lived))
            assert isinstance(reward, float)
            lived, ended = lived + 1, terminated or truncated
        assert terminated != truncated
        assert terminated or lived == 5


def test_what_is_wrong_is_told_as_in_the_cohort() -> None:
    env = UserEnv(user=3)
    env.reset(seed=1)
    with pytest.raises(DecisionError, match="week 0, user 3: arm 9 does not exist"):
        env.step(np.int64(9))
    with pytest.raises(ConfigError, match="use make_vec for 'open'"):
        UserEnv(population="open")
    with pytest.raises(ConfigError, match="did you mean 'weeks'"):
        UserEnv(wekes=3)


def test_gymnasium_can_make_a_vector_of_single_users_itself() -> None:
    env = gymnasium.make_vec("rage/fintech-v0", num_envs=3, vectorization_mode="sync", weeks=2)
    obs, _ = env.reset(seed=1)
    assert obs.shape[0] == 3
    for _ in range(4):
        obs, _, _, _, _ = env.step(np.zeros(3, np.int64))
    assert np.isfinite(obs).all()
