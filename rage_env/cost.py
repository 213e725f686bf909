"""Costs beside rewards, in the manner of safety-gymnasium: a step returns six values, the third being the cost.

Ji et al. (2023), "Safety-Gymnasium: A Unified Safe Reinforcement Learning Benchmark", section 3.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from rage_env.cohort import CohortEnv
from rage_env.errors import ConfigError, UnknownNameError
from rage_env.user import UserEnv

__all__ = ["CostEnv", "costs_of_the_week"]

Step = tuple[Any, Any, Any, Any, Any, dict[str, Any]]  # Any: arrays of a cohort, numbers of one user


class CostEnv:
    """A cohort or a user whose step returns observation, reward, cost, terminated, truncated and info.

    The cost of a guardrail is its numerator less limit times denominator of the week, as reported by then: a policy
    keeps a guardrail `<=` where costs sum to 0 or less, so learners take a cost limit of 0. `guardrail` picks one, and
    the cost is a number a user; None keeps all, (n, g) for a cohort and (g,) for a user, in the order of `names`.
    Guardrails `>=` are turned round, so that larger is worse for each. Not a gymnasium.Wrapper, whose step has five
    values: put Gymnasium's own wrappers around `env` first.
    Raises UnknownNameError for a guardrail that the scenario does not have.
    """

    def __init__(self, env: gymnasium.Env[Any, Any] | VectorEnv[Any, Any, Any], guardrail: str | None = None) -> None:
        world = env.unwrapped
        cohort = world.cohort if isinstance(world, UserEnv) else world
        if not isinstance(cohort, CohortEnv):
            raise ConfigError(f"CostEnv wraps an environment of RAGE, got {type(world).__name__}; others tell no cost")
        guardrails = cohort.scenario.guardrails
        self.names = tuple(g.name for g in guardrails)
        if guardrail is not None and guardrail not in self.names:
            raise UnknownNameError("guardrail", guardrail, self.names)
        self.env, self.guardrail = env, guardrail
        self._sign = np.array([1 if g.sense == "<=" else -1 for g in guardrails], np.float32)
        self.observation_space, self.action_space = env.observation_space, env.action_space

    @property
    def unwrapped(self) -> Any:  # Any: a CohortEnv or a UserEnv
        """The environment of RAGE itself."""
        return self.env.unwrapped

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """As the environment's own."""
        return self.env.reset(seed=seed, options=options)

    def step(self, action: Any) -> Step:  # Any: (n,) arms of a cohort, one arm of a user
        """Live one week; the cost stands third."""
        obs, reward, terminated, truncated, info = self.env.step(action)
        return obs, reward, self._cost(info), terminated, truncated, info

    def close(self) -> None:
        """As the environment's own."""
        self.env.close()

    def _cost(self, info: dict[str, Any]) -> NDArray[np.float32] | float:
        cost = costs_of_the_week(info) * self._sign
        if self.guardrail is None:
            return cost
        one: NDArray[np.float32] = cost[..., self.names.index(self.guardrail)]
        return float(one) if one.ndim == 0 else one


def costs_of_the_week(info: dict[str, Any]) -> NDArray[np.float32]:  # Any: Gymnasium's own type
    """(n, g) or (g,) costs of the week just lived, also of users whose slot has a newcomer by now."""
    cost: NDArray[np.float32] = info["cost"].copy()
    if "final_info" in info:
        left = info["_final_info"]
        cost[left] = info["final_info"]["cost"][left]
    return cost
