"""A cohort as a Stable-Baselines3 VecEnv: one user is one sub-environment, one step is one week.

The one door to Stable-Baselines3 (extra `rl`); nothing else imports this module.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray

from rage_env import sight
from rage_env.cost import costs_of_the_week
from rage_env.errors import ConfigError
from rage_env.interface import NO_OFFER

try:
    from stable_baselines3.common.vec_env import VecEnv
except ModuleNotFoundError as missing:
    raise ModuleNotFoundError(
        "rage_env.sb3 needs Stable-Baselines3, which the extra `rl` brings: pip install 'rage-env[rl]'"
    ) from missing

__all__ = ["CohortVecEnv"]

Indices = None | int | Iterable[int]


class CohortVecEnv(VecEnv):
    """`CohortVecEnv(gymnasium.make_vec("rage/fintech-v0", num_envs=1_000, population="open"))`.

    The cohort must be open: Stable-Baselines3 expects the first observation of a newcomer in the very step in which
    the old user left. An arm asked for where it is masked becomes arm 0; `env_method("action_masks")` gives the masks
    to learners that heed them. infos hold `cost` (g,) and `user_id` of the user who acted, and of those who left
    `terminal_observation` and `TimeLimit.truncated`. Gymnasium's vector wrappers may lie between.
    Raises ConfigError for a closed cohort.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        if env.metadata.get("autoreset_mode") is not AutoresetMode.SAME_STEP:
            raise ConfigError("population: Stable-Baselines3 needs a cohort that refills itself; make it with 'open'")
        self.env = env
        super().__init__(env.num_envs, env.single_observation_space, env.single_action_space)
        self._arms: NDArray[np.int64] = np.zeros(env.num_envs, np.int64)

    def reset(self) -> Any:  # Any: (n, d) features, or the Dict of them and of masks
        """Begin an episode, with the seed given to `seed` if it is the first since."""
        obs, info = self.env.reset(seed=self._seeds[0])
        self._reset_seeds()
        self._mask, self._user_id = info[sight.MASK], info["user_id"]
        return obs

    def step_async(self, actions: NDArray[np.integer]) -> None:
        """Take up the arms of the coming week, (n,)."""
        allowed = self._mask[np.arange(self.num_envs), actions] == 1
        self._arms = np.where(allowed, actions, NO_OFFER).astype(np.int64)

    def step_wait(self) -> tuple[Any, NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
        """Live the week: observations, rewards in usd (n,), ended (n,), and an info a user."""
        obs, reward, terminated, truncated, info = self.env.step(self._arms)
        paid = zip(costs_of_the_week(info), self._user_id.tolist(), strict=True)
        infos: list[dict[str, Any]] = [{"cost": cost, "user_id": user} for cost, user in paid]
        ended = terminated | truncated
        for i in np.flatnonzero(ended):
            infos[i]["terminal_observation"] = info["final_obs"][i]
            infos[i]["TimeLimit.truncated"] = bool(truncated[i] and not terminated[i])
        self._mask, self._user_id = info[sight.MASK], info["user_id"]
        return obs, reward, ended, infos

    def close(self) -> None:
        """Close the cohort."""
        self.env.close()

    def get_attr(self, attr_name: str, indices: Indices = None) -> list[Any]:
        """The cohort's attribute, once for each user asked for."""
        return [getattr(self.env, attr_name)] * len(self._rows(indices))

    def set_attr(self, attr_name: str, value: Any, indices: Indices = None) -> None:
        """Raises ConfigError: users of a cohort have no attributes of their own."""
        raise ConfigError(f"{attr_name}: users share one cohort; make another with the value as a keyword")

    def env_method(
        self, method_name: str, *method_args: Any, indices: Indices = None, **method_kwargs: Any
    ) -> list[Any]:
        """`action_masks`: (k,) bool for each user asked for; a cohort has no other method of one user."""
        if method_name != "action_masks" or method_args or method_kwargs:
            raise AttributeError(f"{method_name}: one user of a cohort only has 'action_masks', without arguments")
        return [self._mask[i] == 1 for i in self._rows(indices)]

    def env_is_wrapped(self, wrapper_class: type[Any], indices: Indices = None) -> list[bool]:
        """False for each user: wrappers lie around cohorts."""
        return [False] * len(self._rows(indices))

    def has_attr(self, attr_name: str) -> bool:
        """Whether a user has it; `action_masks` is how learners find out that arms may be masked."""
        return attr_name == "action_masks" or hasattr(self.env, attr_name)

    def _rows(self, indices: Indices) -> Sequence[int]:
        if indices is None:
            return range(self.num_envs)
        return [indices] if isinstance(indices, int) else list(indices)
