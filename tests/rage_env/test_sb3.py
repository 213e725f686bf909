"""Stable-Baselines3 sees the cohort's own weeks, and PPO learns in them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecEnvWrapper, VecMonitor, VecNormalize

from rage_env.cohort import CohortEnv
from rage_env.errors import ConfigError
from rage_env.outcomes import value
from rage_env.sb3 import CohortVecEnv

USERS = 1_000
LEARNED = "null_fraud"
"""Rewards without rare large losses. Over 20 seeds PPO gained $.67 (sd .12) there, with foreign rewards $.01 (sd .06):
by a normal law luck misses the bound of .22 in 9e-5 of seeds, and foreign rewards pass it in 2e-4."""


@pytest.fixture(autouse=True)
def _logs_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each training leaves a folder, by default among the system's temporary ones."""
    monkeypatch.setenv("SB3_LOGDIR", str(tmp_path))


def cohort(n: int = 200, world: str = "fintech", **keywords: Any) -> Any:  # Any: a VectorEnv of a CohortEnv
    return gymnasium.make_vec(f"rage/{world}-v0", num_envs=n, **{"population": "open", **keywords})


def test_the_adapter_shows_the_cohort_s_own_weeks() -> None:
    plain, vec = cohort(weeks=4), CohortVecEnv(cohort(weeks=4))
    vec.seed(9)
    assert (vec.reset() == plain.reset(seed=9)[0]).all()
    for week in range(6):  # two episodes
        users = plain.unwrapped.traits.user_id.tolist()
        arm = np.random.default_rng(week).integers(0, 6, 200)
        obs, reward, terminated, truncated, info = plain.step(arm)
        seen, paid, ended, infos = vec.step(arm)
        assert (seen == obs).all()
        assert (paid == reward).all()
        assert (ended == (terminated | truncated)).all()
        assert ended.all() == (week == 3)
        assert [i["user_id"] for i in infos] == users
        for row in np.flatnonzero(ended):
            assert (infos[row]["terminal_observation"] == info["final_obs"][row]).all()
            assert (infos[row]["cost"] == info["final_info"]["cost"][row]).all()
            assert infos[row]["TimeLimit.truncated"] == (truncated[row] and not terminated[row])
        stayed = np.flatnonzero(~ended)
        assert not any("terminal_observation" in infos[row] for row in stayed)
        assert all((infos[row]["cost"] == info["cost"][row]).all() for row in stayed)


def test_a_seed_holds_for_one_reset_and_the_next_begins_another_episode() -> None:
    vec = CohortVecEnv(cohort(weeks=4))
    vec.seed(9)
    first, second = vec.reset(), vec.reset()
    assert (first != second).any()
    vec.seed(9)
    assert (vec.reset() == first).all()


def test_masked_arms_become_arm_0_and_masks_can_be_asked_for() -> None:
    inner = cohort(96, "pre_delinquency", weeks=8)
    vec = CohortVecEnv(inner)
    assert vec.has_attr("action_masks")
    vec.seed(1)
    vec.reset()
    turned = 0
    for week in range(6):
        masks = np.stack(vec.env_method("action_masks"))
        assert masks.dtype == np.bool_
        assert (vec.env_method("action_masks", indices=[5])[0] == masks[5]).all()
        arm = np.random.default_rng(week).integers(1, masks.shape[1], 96)
        allowed = masks[np.arange(96), arm]
        vec.step(arm)
        assert (inner.unwrapped.last_arm == np.where(allowed, arm, 0)).all()
        turned += int((~allowed).sum())
    assert turned


def test_what_one_user_of_a_cohort_cannot_have_is_refused() -> None:
    with pytest.raises(ConfigError, match="needs a cohort that refills itself; make it with 'open'"):
        CohortVecEnv(cohort(population="closed"))
    vec = CohortVecEnv(cohort(3))
    with pytest.raises(ConfigError, match="weeks: users share one cohort"):
        vec.set_attr("weeks", 3)
    with pytest.raises(AttributeError, match="only has 'action_masks'"):
        vec.env_method("render")
    assert vec.env_is_wrapped(gymnasium.Wrapper) == [False] * 3
    assert vec.get_attr("num_envs", 0) == [3]
    vec.close()


def test_wrappers_of_both_sides_and_dict_observations_go_along() -> None:
    inner = gymnasium.wrappers.vector.NormalizeReward(cohort(50, weeks=3, observation="masked"))
    vec = VecMonitor(CohortVecEnv(inner))
    PPO("MultiInputPolicy", vec, n_steps=4, batch_size=100, n_epochs=1, device="cpu", seed=0).learn(200)
    assert vec.episode_count >= 50


class ForeignRewards(VecEnvWrapper):
    """Pays each user what the neighbour brought: nothing can be learned from that."""

    def reset(self) -> Any:  # Any: as VecEnv's
        return self.venv.reset()

    def step_wait(self) -> Any:  # Any: as VecEnv's
        obs, reward, ended, infos = self.venv.step_wait()
        return obs, np.roll(reward, 1), ended, infos


def expected_value(model: PPO, vec: VecNormalize) -> float:
    """Usd per user of the first week of people never seen, the policy's probabilities and the luck integrated out."""
    world = CohortEnv(USERS, LEARNED, reward="value")
    obs, _ = world.reset(seed=100)
    worth: NDArray[np.floating] = value(world.truth.mean_outcomes(), world.scenario.retention_value_usd)
    with torch.no_grad():
        seen = torch.as_tensor(vec.normalize_obs(obs))
        probs: NDArray[np.floating] = model.policy.get_distribution(seen).distribution.probs.numpy()  # type: ignore[union-attr]
    return float((probs * worth).sum(axis=1).mean())


def gain(*, foreign: bool = False) -> float:
    """What PPO gains on its own start within 60,000 user-weeks of a thousand users."""
    torch.set_num_threads(1)
    vec = CohortVecEnv(cohort(USERS, LEARNED, reward="value", seed=1))
    scaled = VecNormalize(ForeignRewards(vec) if foreign else vec, clip_reward=5.0)
    model = PPO(
        "MlpPolicy", scaled, n_steps=4, batch_size=USERS, n_epochs=5, learning_rate=3e-3, gamma=0.0, seed=1,
        device="cpu",
    )  # fmt: skip
    before = expected_value(model, scaled)
    model.learn(60_000)
    return expected_value(model, scaled) - before


def test_ppo_trained_on_a_thousand_users_earns_more_than_it_did_untrained() -> None:
    assert gain() > 0.22


def test_ppo_paid_by_the_neighbours_rewards_learns_nothing() -> None:
    assert gain(foreign=True) < 0.22


def test_without_the_extra_the_message_says_which_one(tmp_path: Path) -> None:
    code = (
        "import sys\nsys.modules['stable_baselines3'] = None\n"
        "try:\n    import rage_env.sb3\nexcept ModuleNotFoundError as missing:\n    print(missing)"
    )
    root = str(Path(__file__).resolve().parents[2])
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": root}, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "pip install 'rage-env[rl]'" in done.stdout
