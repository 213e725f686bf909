"""Who decides together: present users of one unit (an account) share one row of probabilities and the price of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rage_env.errors import DecisionError
from rage_env.interface import NO_OFFER, Observation

__all__ = ["check_shared", "members", "one_per_unit", "together"]

_ALIKE = 1e-6


def together(observation: Observation) -> NDArray[np.intp] | None:
    """(n,) codes of units, departed users on their own; None where everybody is decided alone."""
    if observation.unit is observation.user_id:
        return None
    alone = -1 - np.arange(observation.n)
    found, codes = np.unique(np.where(observation.present, observation.unit, alone), return_inverse=True)
    return None if len(found) == observation.n else codes


def members(observation: Observation) -> NDArray[np.float64]:
    """(n,) present users in each row's unit, at least 1."""
    codes = together(observation)
    if codes is None:
        return np.ones(observation.n)
    return np.asarray(np.bincount(codes)[codes], np.float64)


def one_per_unit(probs: NDArray[np.float32], observation: Observation) -> NDArray[np.float32]:
    """(n, k) the mean row of each unit; an arm that one of its users may not get falls to arm 0."""
    codes = together(observation)
    if codes is None:
        return probs
    size = np.bincount(codes).astype(np.float64)
    columns = [np.bincount(codes, weights=p) / size for p in probs.T.astype(np.float64)]
    for arm, allowed in enumerate(observation.action_mask.T):
        columns[arm] *= np.bincount(codes, weights=allowed) == size
    mean = np.stack(columns, axis=1)
    mean[:, NO_OFFER] = 1.0 - mean[:, NO_OFFER + 1 :].sum(axis=1)
    return np.asarray(np.clip(mean, 0.0, 1.0), np.float32)[codes]


def check_shared(probs: NDArray[np.floating], observation: Observation) -> None:
    """Nothing, if users of one unit share their probabilities. Raises DecisionError naming the unit and two users."""
    codes = together(observation)
    if codes is None:
        return
    _, first = np.unique(codes, return_index=True)
    other = np.abs(probs - probs[first[codes]]).max(axis=1) > _ALIKE
    if other.any():
        row = int(np.argmax(other))
        mate = int(first[codes[row]])
        raise DecisionError(
            f"week {observation.week}, unit {observation.unit[row]}: users {observation.user_id[mate]} and "
            f"{observation.user_id[row]} are decided together, but have probabilities {probs[mate].tolist()} and "
            f"{probs[row].tolist()}; give every present user of a unit the same row"
        )
