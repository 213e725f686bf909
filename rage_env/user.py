"""UserEnv: the same world seen by one user."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from rage_env.cohort import CohortEnv
from rage_env.errors import ConfigError

__all__ = ["UserEnv"]


class UserEnv(gymnasium.Env[NDArray[np.float32], np.int64]):
    """One user's weeks: the cohort of one whose only slot is `user`; the episode ends when the user leaves.

    Takes every keyword of CohortEnv but num_envs. Raises ConfigError for `population="open"`, which needs a cohort.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012  # Gymnasium's own declaration

    def __init__(self, base: str = "fintech", *, user: int = 0, **options: Any) -> None:
        if options.get("population", "closed") == "open":
            raise ConfigError("population: one user's environment ends when the user leaves; use make_vec for 'open'")
        self.cohort = CohortEnv(1, base, first_slot=user, **options)
        self.observation_space = self.cohort.single_observation_space
        self.action_space = self.cohort.single_action_space
        self.truth = self.cohort.truth

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Start the user's next episode."""
        super().reset(seed=seed)
        obs, info = self.cohort.reset(seed=seed, options=options)
        return obs[0].copy(), _of_one(info)

    def step(self, action: np.int64) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Live one week under this arm."""
        obs, reward, terminated, truncated, info = self.cohort.step(np.array([action], dtype=np.int64))
        return obs[0].copy(), float(reward[0]), bool(terminated[0]), bool(truncated[0]), _of_one(info)


def _of_one(info: dict[str, Any]) -> dict[str, Any]:
    return {k: v[0] for k, v in info.items() if not k.startswith("_")}
