"""UserEnv: the same world seen by one user."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from rage_env import hooks, sight
from rage_env import scenario as scenarios
from rage_env.cohort import CohortEnv
from rage_env.errors import ConfigError
from rage_env.interface import NO_OFFER

__all__ = ["UserEnv"]


class UserEnv(gymnasium.Env[NDArray[np.float32], np.int64]):
    """One user's weeks: the cohort of one whose only slot is `user`; the episode ends when the user leaves.

    Where users sit in accounts the cohort is the user's block of slots: what is asked is done with the whole account,
    everybody else is left alone. Takes every keyword of CohortEnv but num_envs. Raises ConfigError for
    `population="open"`, which needs a cohort.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012  # Gymnasium's own declaration

    def __init__(self, base: str = "fintech", *, user: int = 0, **options: Any) -> None:
        if options.get("population", "closed") == "open":
            raise ConfigError("population: one user's environment ends when the user leaves; use make_vec for 'open'")
        block = hooks.grain(scenarios.load(base).used)
        self._row = user % block
        self.cohort = CohortEnv(block, base, first_slot=user - self._row, **options)
        self.observation_space = self.cohort.single_observation_space
        self.action_space = self.cohort.single_action_space
        self.truth = self.cohort.truth

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Start the user's next episode: features (d,) and the info of one user.

        Raises ConfigError where the slot is one that stays empty.
        """
        super().reset(seed=seed)
        obs, info = self.cohort.reset(seed=seed, options=options)
        if not info["present"][self._row]:
            near = int(np.flatnonzero(info["present"])[-1]) + self.cohort.first_slot
            raise ConfigError(f"user {info['user_id'][self._row]}: the slot stays empty under this seed; take {near}")
        self._unit = info["unit"] == info["unit"][self._row]
        return sight.of_one(obs, self._row), self._of_one(info)

    def step(self, action: np.int64) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Live one week under this arm: features (d,), reward in usd, terminated, truncated, info."""
        row = self._row
        obs, reward, terminated, truncated, info = self.cohort.step(np.where(self._unit, action, NO_OFFER))
        return (
            sight.of_one(obs, row),
            float(reward[row]),
            bool(terminated[row]),
            bool(truncated[row]),
            self._of_one(info),
        )

    def _of_one(self, info: dict[str, Any]) -> dict[str, Any]:
        return {k: v[self._row] for k, v in info.items() if not k.startswith("_")}
