"""What others wrote for Gymnasium works on the cohort and on one user: wrappers, masks in the observation, specs."""

from __future__ import annotations

import json
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env
from gymnasium.wrappers import NormalizeReward, RecordEpisodeStatistics
from gymnasium.wrappers import vector as wrappers

from rage_env.cohort import CohortEnv
from rage_env.errors import ConfigError
from rage_env.interface import observe
from rage_env.user import UserEnv


def make_vec(n: int, **keywords: Any) -> gymnasium.vector.VectorEnv[Any, Any, Any]:  # Any: keywords of CohortEnv
    return gymnasium.make_vec("rage/fintech-v0", num_envs=n, **keywords)


def test_recorded_returns_of_a_closed_cohort_are_what_each_user_brought_while_present() -> None:
    env = wrappers.RecordEpisodeStatistics(make_vec(400, weeks=5))
    env.reset(seed=3)
    brought, lived = np.zeros(400), np.zeros(400, int)
    present, found = np.ones(400, np.bool_), 0
    for _ in range(5):
        _, reward, terminated, truncated, info = env.step(np.full(400, 5))
        brought[present] += reward[present]
        lived += present
        ended = terminated | truncated
        if ended.any():
            assert (info["_episode"] == ended).all()
            assert info["episode"]["r"][ended] == pytest.approx(brought[ended], rel=1e-5, abs=1e-3)
            assert (info["episode"]["l"][ended] == lived[ended]).all()
        found += int(ended.sum())
        present &= ~terminated
    assert found == 400
    assert env.episode_count == 400


def test_recorded_returns_of_one_user_are_the_sum_of_the_weeks() -> None:
    env = RecordEpisodeStatistics(gymnasium.make("rage/fintech-v0", weeks=4, user=11))
    for seed in range(5):
        env.reset(seed=seed)
        total, weeks, over = 0.0, 0, False
        while not over:
            _, reward, terminated, truncated, info = env.step(np.int64(1))
            total, weeks, over = total + float(reward), weeks + 1, terminated or truncated
        assert info["episode"]["r"] == pytest.approx(total)
        assert info["episode"]["l"] == weeks


@pytest.mark.parametrize("population", ["closed", "open"])
def test_normalised_rewards_of_a_cohort_are_the_rewards_on_one_scale(population: str) -> None:
    plain = make_vec(500, weeks=6, population=population)
    scaled = wrappers.NormalizeReward(make_vec(500, weeks=6, population=population), gamma=0.9)
    plain.reset(seed=1)
    scaled.reset(seed=1)
    for _ in range(6):
        raw, seen = plain.step(np.full(500, 2))[1], scaled.step(np.full(500, 2))[1]
        some = np.abs(raw) > 1e-3
        scale = seen[some] / raw[some]
        assert scale == pytest.approx(np.full(some.sum(), scale[0]), rel=1e-4)
        assert 0 < scale[0] < np.inf
    assert scaled.return_rms.var > 1


def test_normalised_rewards_of_one_user_keep_their_sign() -> None:
    raw, scaled = (gymnasium.make("rage/fintech-v0", weeks=8, user=3) for _ in range(2))
    scaled = NormalizeReward(scaled)
    raw.reset(seed=1)
    scaled.reset(seed=1)
    for _ in range(8):
        (_, a, terminated, *_), (_, b, *_) = raw.step(np.int64(5)), scaled.step(np.int64(5))
        assert np.sign(float(a)) == np.sign(float(b))
        if terminated:
            break


MASKED = ["fintech", "pre_delinquency", "b2b_nudge"]


@pytest.mark.parametrize("world", MASKED)
def test_an_observation_with_masks_holds_the_features_and_the_mask_of_info(world: str) -> None:
    n = 96
    plain, masked = CohortEnv(n, world), CohortEnv(n, world, observation="masked")
    (obs, info), (both, info_too) = plain.reset(seed=5), masked.reset(seed=5)
    for week in range(3):
        seen: Any = both  # a Dict by request
        assert set(seen) == {"observation", "action_mask"}
        assert (seen["observation"] == obs).all()
        assert (seen["action_mask"] == info["action_mask"]).all()
        assert masked.observation_space.contains(seen)
        assert masked.single_observation_space.contains({name: part[7] for name, part in seen.items()})
        assert (observe(seen, info_too).features == observe(obs, info).features).all()
        asked = np.random.default_rng(week).integers(0, plain.world.arms.k, n)
        arm = np.where(info["action_mask"][np.arange(n), asked] == 1, asked, 0)
        (obs, *_, info), (both, *_, info_too) = plain.step(arm), masked.step(arm)


def test_what_the_departed_saw_last_holds_their_mask_too() -> None:
    env = make_vec(300, population="open", observation="masked")
    env.reset(seed=2)
    _, _, terminated, _, info = env.step(np.zeros(300, np.int64))
    left = np.flatnonzero(terminated)
    assert len(left)
    for row in left:
        assert env.single_observation_space.contains(info["final_obs"][row])
        assert info["final_obs"][row]["action_mask"].tolist() == [1, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("world", MASKED)
def test_one_user_with_masks_passes_gymnasium_s_checker(world: str) -> None:
    check_env(gymnasium.make(f"rage/{world}-v0", weeks=8, observation="masked").unwrapped)


def test_an_observation_of_no_known_kind_is_refused_by_name() -> None:
    wrong: dict[str, Any] = {"observation": "maskd"}
    for make in (CohortEnv, UserEnv):
        with pytest.raises(ConfigError, match=r"observation: 'maskd' is not one of features, masked: did you mean 'm"):
            make(**wrong)


def again(spec: EnvSpec | None) -> EnvSpec:
    assert spec is not None
    return EnvSpec.from_json(json.dumps(json.loads(spec.to_json())))


KEYWORDS: dict[str, Any] = {
    "weeks": 4,
    "reward": "value",
    "observation": "masked",
    "scenario": {"retention_value_usd": 55.0, "mechanisms": {"offers": {"take_rate": 0.02}}},
}


def test_a_spec_of_one_user_survives_json_and_makes_the_same_life() -> None:
    first = gymnasium.make("rage/fintech-v0", user=17, **KEYWORDS)
    second = gymnasium.make(again(first.spec))
    assert second.spec == first.spec
    (obs, _), (too, _) = first.reset(seed=8), second.reset(seed=8)
    for _ in range(4):
        assert (obs["observation"] == too["observation"]).all()
        (obs, reward, over, *_), (too, reward_too, *_) = first.step(np.int64(3)), second.step(np.int64(3))
        assert reward == reward_too
        if over:
            break


def test_a_spec_of_a_cohort_survives_json_and_makes_the_same_weeks() -> None:
    first = make_vec(40, population="open", **KEYWORDS)
    second = gymnasium.make_vec(again(first.spec), num_envs=40)
    assert second.unwrapped.scenario == first.unwrapped.scenario  # type: ignore[attr-defined]  # CohortEnvs
    first.reset(seed=8)
    second.reset(seed=8)
    for _ in range(5):
        a, b = first.step(np.full(40, 4)), second.step(np.full(40, 4))
        assert (a[0]["observation"] == b[0]["observation"]).all()
        assert (a[1] == b[1]).all()
