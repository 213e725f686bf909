"""What an environment hands out as its observation: features alone, or features and action mask side by side.

The keys of the second kind are PettingZoo's, `observation` and `action_mask`, which learners that mask arms look for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

import numpy as np
from gymnasium.spaces import Box, Dict, MultiBinary, Space
from numpy.typing import NDArray

from rage_env.spaces import BroadcastBox

__all__ = ["KINDS", "MASK", "SEEN", "features_of", "of_one", "shown", "space_of_all", "space_of_one"]

KINDS: Final = ("features", "masked")
SEEN: Final = "observation"
MASK: Final = "action_mask"

Floats = NDArray[np.float32]


def space_of_one(kind: str, low: Floats, high: Floats, k: int) -> Space[Any]:
    """The space of one user's observation. low, high: (d,)."""
    features = Box(low, high, dtype=np.float32)
    return features if kind == "features" else Dict({SEEN: features, MASK: MultiBinary(k)})


def space_of_all(kind: str, low: Floats, high: Floats, k: int, n: int) -> Space[Any]:
    """The space of n users' observations, in arrays of n rows."""
    features = BroadcastBox(low, high, n)
    if kind == "features":
        return features
    return Dict({SEEN: features, MASK: BroadcastBox(np.zeros(k, np.int8), np.ones(k, np.int8), n)})


def shown(kind: str, features: Floats, mask: NDArray[np.int8]) -> Floats:
    """The observation of this kind; typed as the usual one, so that only who asks for a Dict needs to say so."""
    return features if kind == "features" else cast(Floats, {SEEN: features, MASK: mask})


def of_one(obs: Floats | Mapping[str, NDArray[Any]], row: int | np.integer) -> Floats:
    """A copy of one user's part of an observation of either kind."""
    if isinstance(obs, Mapping):
        return cast(Floats, {name: part[row].copy() for name, part in obs.items()})
    own: Floats = obs[row].copy()
    return own


def features_of(obs: Floats | Mapping[str, NDArray[Any]]) -> Floats:
    """(n, d) features of an observation of either kind."""
    return obs[SEEN] if isinstance(obs, Mapping) else obs
