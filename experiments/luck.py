"""The luck that belongs to a study and to no agent: who is held out, and which arm each unit draws.

Every draw is a function of (study seed, unit, week), so two agents that ask for the same probabilities get the same
arms. This is the one place where a run samples an arm.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agents.allocation import systematic_draw
from rage_env.interface import Observation
from rage_env.randomness import Draw, Noise, arms_one_by_one, person_keys, seed_key

__all__ = ["arms_one_by_one", "arms_together", "draw_arms", "held_out", "propensity_of"]

Ints = NDArray[np.int64]
_COMB = 1 << 62  # the person whose luck sets where the comb of a systematic draw begins


def held_out(seed: int, unit: Ints, share: float) -> NDArray[np.bool_]:
    """(n,) True for a hashed `share` of the units: those whose every allowed arm keeps its least propensity."""
    key = seed_key(seed)
    return Noise(key, person_keys(key, unit), 0).uniform64(Draw.HOLDOUT) < share


def draw_arms(seed: int, observation: Observation, probs: NDArray[np.float32], *, together: bool) -> Ints:
    """(n,) arms drawn from probs (n, k); `together` keeps head-counts at the floor or ceiling of their expectation."""
    key = seed_key(seed)
    luck = Noise(key, person_keys(key, observation.unit), observation.week)
    if not together:
        return arms_one_by_one(probs, luck.uniform64(Draw.ARM))
    comb = Noise(key, person_keys(key, np.array([_COMB])), observation.week).uniform64(Draw.ARM_ORDER)
    order, which = luck.uniform64(Draw.ARM_ORDER), luck.uniform64(Draw.ARM)
    return arms_together(probs, order, which, float(comb[0]), observation.unit)


def arms_together(
    probs: NDArray[np.floating], order: NDArray[np.float64], which: NDArray[np.float64], start: float, unit: Ints
) -> Ints:
    """(n,) arms: who is met by one comb along a random order, with what by their own luck; see systematic_draw."""
    alone = len(np.unique(unit)) == len(unit)
    return systematic_draw(probs, order, which, start, unit=None if alone else unit)


def propensity_of(probs: NDArray[np.float32], arm: Ints) -> NDArray[np.float32]:
    """(n,) the probability with which each arm was drawn, read from the very row it was drawn from."""
    return np.take_along_axis(probs, arm[:, None], axis=1)[:, 0]
