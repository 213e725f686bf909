"""Who belongs to which group, and in which order a roll-out reaches them: functions of a salted hash of the unit."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.config_ab import CONTROL, Ab
from rage_env.randomness import Draw, Noise, person_keys, seed_key

__all__ = ["Groups", "assign"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Groups:
    """An assignment for good. Group 0 is the control; whoever is in no group is left alone and not compared."""

    names: tuple[str, ...]  # (g,), the control first
    shares: tuple[float, ...]  # (g,) planned
    code: Ints  # (n,) group, g for nobody's
    place: NDArray[np.float64]  # (n,) in [0, 1): order in which a roll-out reaches the users of a group

    def rows(self, group: int) -> Ints:
        """Rows of the cohort that are in this group."""
        return np.flatnonzero(self.code == group)


def assign(plan: Ab, agents: Sequence[str], seed: int, unit: Ints) -> Groups:
    """Every unit's group and place by the salt and its id; users of one account share both. unit: (n,).

    Seeds are other people under the same ids, so the seed enters the hash.
    """
    key = seed_key(int.from_bytes(hashlib.sha256(f"{plan.salt}/{seed}".encode()).digest()[:8], "little"))
    luck = Noise(key, person_keys(key, unit), 0).uniform64(Draw.GROUP)
    shares = plan.shares_of(agents)
    edges = np.concatenate([[0.0], np.cumsum(shares)])
    edges[edges > 1 - 1e-9] = 1.0  # shares that sum to 1 leave nobody out for rounding
    code = np.searchsorted(edges[1:], luck, side="right").astype(np.int64)
    start, width = np.append(edges[:-1], edges[-1]), np.append(np.diff(edges), 1.0)
    return Groups((CONTROL, *agents), shares, code, (luck - start[code]) / width[code])
