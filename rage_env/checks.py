"""check_world: does a world keep what every world must keep? For anyone who writes a scenario or a mechanism.

The invariants live in rage_env/invariants, one function each; a small cohort is lived once and put to all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium
from gymnasium.vector import VectorEnv

from rage_env import invariants
from rage_env.cohort import CohortEnv
from rage_env.errors import ConfigError, WorldError
from rage_env.trial import Trial

__all__ = ["check_world"]

AnyEnv = VectorEnv[Any, Any, Any] | gymnasium.Env[Any, Any]  # Any: wrappers may change what is seen


def check_world(
    env: AnyEnv,
    *,
    users: int = 2_000,
    weeks: int = 12,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> tuple[str, ...]:
    """Names of the invariants that the world of this environment keeps, which are all of them.

    The environment itself is left as it is: twins of it live `weeks` weeks with `users` users. progress: called with
    each invariant's name before it is checked. Raises WorldError naming the first broken invariant, the user and the
    week; ConfigError for an environment that is none of RAGE's.
    """
    trial = Trial.run(cohort_of(env), users, weeks, seed)
    found = invariants.every()
    for name, invariant in found.items():
        if progress is not None:
            progress(name)
        try:
            invariant(trial)
        except WorldError as error:
            raise WorldError(f"{name}: {error}") from error
    return tuple(found)


def cohort_of(env: AnyEnv) -> CohortEnv:
    """The cohort behind an environment, through wrappers and UserEnv."""
    inner = env.unwrapped
    inner = getattr(inner, "cohort", inner)
    if not isinstance(inner, CohortEnv):
        raise ConfigError(
            f"check_world: needs an environment of RAGE, got {type(inner).__name__}; make one by its rage/ id"
        )
    return inner
