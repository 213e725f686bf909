"""TorchRL's own wrapper takes the environments as they are, and sees the same weeks."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from torchrl.envs import GymWrapper, check_env_specs

from rage_env.cohort import CohortEnv


@pytest.mark.parametrize("observation", ["features", "masked"])
def test_one_user_passes_torchrl_s_checker(observation: str) -> None:
    env = GymWrapper(gymnasium.make("rage/fintech-v0", weeks=5, observation=observation))
    check_env_specs(env)
    rollout = env.rollout(20)
    assert rollout["next", "done"].sum() == 1
    assert ("action_mask" in rollout.keys()) == (observation == "masked")  # noqa: SIM118  # a TensorDict's own


@pytest.mark.parametrize("population", ["closed", "open"])
def test_a_cohort_under_torchrl_lives_the_weeks_it_lives_alone(population: Any) -> None:  # Any: a Literal
    n, weeks = 64, 6
    alone = CohortEnv(n, weeks=weeks, population=population)
    alone.reset(seed=3)
    obs, _ = alone.reset()
    env = gymnasium.make_vec("rage/fintech-v0", num_envs=n, weeks=weeks, population=population)
    wrapped = GymWrapper(env, categorical_action_encoding=True)
    wrapped.set_seed(3)
    arm, left = np.full(n, 3), 0
    now = wrapped.reset()  # the second episode of the seed: TorchRL seeds by a reset of its own
    for _ in range(weeks - 1):
        assert (now["observation"].numpy() == obs).all()
        done, now = wrapped.step_and_maybe_reset(now.set("action", torch.as_tensor(arm)))
        obs, reward, terminated, _, info = alone.step(arm)
        assert (done["next", "reward"][:, 0].numpy() == reward).all()
        assert (done["next", "terminated"][:, 0].numpy() == terminated).all()
        gone = np.flatnonzero(terminated)
        last = info["final_obs"] if len(gone) and population == "open" else obs
        assert all((done["next", "observation"][row].numpy() == last[row]).all() for row in gone)
        if len(gone) and population == "closed":
            obs, _ = alone.reset(options={"reset_mask": terminated})
        left += len(gone)
    assert left
