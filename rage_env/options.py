"""What may be asked of a cohort besides its scenario: choices of its constructor and options of its reset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rage_env import sight
from rage_env.errors import ConfigError, did_you_mean
from rage_env.randomness import Noise

__all__ = ["check", "check_grain", "check_seed", "first_without_action", "noise", "reset_mask"]

_OPTIONS = ("reset_mask",)

_CHOICES = {"population": ("closed", "open"), "reward": ("cash", "value"), "observation": sight.KINDS}


def check(num_envs: int, first_slot: int, n_max: int, **chosen: str) -> None:
    """Raises ConfigError naming every choice that cannot be met."""
    problems = []
    for name, held in chosen.items():
        known = _CHOICES[name]
        if held not in known:
            problems.append(f"{name}: {held!r} is not one of {', '.join(known)}{did_you_mean(str(held), known)}")
    if num_envs < 1:
        problems.append(f"num_envs: at least one user, got {num_envs}")
    if first_slot < 0:
        problems.append(f"first_slot: slots (and users) are numbered from 0, got {first_slot}")
    elif n_max < first_slot + num_envs:
        problems.append(f"n_max: {n_max} slots in all cannot hold {num_envs} from slot {first_slot} on")
    if problems:
        raise ConfigError(problems)


def check_grain(num_envs: int, first_slot: int, n_max: int, grain: int) -> None:
    """Raises ConfigError for a shard that would cut through slots that belong together."""
    last = first_slot + num_envs
    for name, slot in (("first_slot", first_slot), ("first_slot + num_envs", last)):
        if slot % grain and slot != n_max:
            raise ConfigError(
                f"{name}: slots of this world belong together by {grain} (accounts), so a shard begins and ends at a "
                f"multiple of {grain} or at the end of the cohort, {n_max}; got {slot}"
            )


def check_seed(seed: object) -> None:
    """Raises ConfigError for what cannot be a seed; None asks for one of chance or for the next episode."""
    if seed is not None and (
        not isinstance(seed, int | np.integer) or isinstance(seed, bool) or not 0 <= seed < 1 << 63
    ):
        raise ConfigError(f"seed: must be a whole number from 0 to 2**63 - 1, got {seed!r}")


def noise(*, compiled: bool) -> type[Noise]:
    """How luck is worked out. Raises ConfigError where compiled kernels are asked for and numba lacks."""
    if not compiled:
        return Noise
    try:
        from rage_env.compiled import CompiledNoise
    except ImportError as error:
        raise ConfigError(
            f"compiled: True needs numba ({error}); pip install 'rage-env[fast]', or leave it out and get the same bits"
        ) from error
    return CompiledNoise


def reset_mask(options: Mapping[str, Any] | None, n: int) -> NDArray[np.bool_] | None:  # Any: Gymnasium's own type
    """(n,) slots that get a newcomer, or None for a new episode. Raises ConfigError for what reset does not know."""
    for key in options or ():
        if key not in _OPTIONS:
            raise ConfigError(f"reset: unknown option {key!r}{did_you_mean(key, _OPTIONS)}")
    mask = (options or {}).get("reset_mask")
    if mask is None:
        return None
    mask = np.asarray(mask)
    if mask.shape != (n,) or mask.dtype != np.bool_:
        raise ConfigError(f"reset_mask: must be ({n},) bool, got {mask.dtype} {mask.shape}")
    return mask


def first_without_action(actions: NDArray[Any], user_id: NDArray[np.int64]) -> str:
    """Who is the first to be left without a whole number, in words. actions: of the wrong shape or type."""
    n = len(user_id)
    if actions.ndim == 1 and len(actions) < n:
        return f"user {user_id[len(actions)]} is the first without one"
    if actions.ndim == 1 and len(actions) > n:
        return f"nobody comes after user {user_id[-1]}"
    return f"user {user_id[0]} is the first whose action is none"
