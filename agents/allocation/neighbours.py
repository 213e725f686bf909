"""Which way to round: the grid points around some shares, all of them for a few units, unit by unit for many."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from agents.allocation.box import Box
from agents.allocation.rows import Floats

__all__ = ["Steps", "best_neighbour"]

_MOST = 1_024
Steps = NDArray[np.int64]


def best_neighbour(box: Box, limit: Floats, shares: Floats, free: Steps) -> tuple[Steps, float, float]:
    """The most valuable grid neighbour of the shares that keeps `limit` (g,), or the one of least excess.

    Every share is rounded down; the steps a unit has left go to one of its arms in use. shares: (u, 1 + s),
    free: (u,) steps of each unit. Also returns excess over the limits and value.
    """
    steps = np.floor(shares * free[:, None] + 1e-6).astype(np.int64)
    rest = free - steps.sum(axis=1)
    arms = {int(u): np.flatnonzero((shares[u] > 0) & (shares[u] < 1)) for u in np.flatnonzero(rest)}
    few = math.prod(len(a) for a in arms.values()) <= _MOST
    effect = _per_step(box, free)
    left_over = {u: effect[:, u, a].T * rest[u] for u, a in arms.items()}  # (arms, 1 + g) of each unit
    parked = {u: left_over[u][shares[u, a].argmax()] for u, a in arms.items()}
    total = np.concatenate([[box.resolve.here.gain], box.resolve.here.usage])
    total = total + np.einsum("rus,us->r", effect, steps) + sum(parked.values())
    excess = float(np.maximum(total[1:] - limit, 0.0).sum())
    for group in [list(arms)] if few else [[u] for u in arms]:
        totals = (total - sum(parked[u] for u in group))[None]
        for u in group:
            totals = (totals[:, None] + left_over[u][None]).reshape(-1, len(total))
        over = np.maximum(totals[:, 1:] - limit, 0.0).sum(axis=1)
        pick = int(np.lexsort((-totals[:, 0], over))[0])
        total, excess = totals[pick], float(over[pick])
        for u in reversed(group):
            pick, at = divmod(pick, len(arms[u]))
            steps[u, arms[u][at]] += rest[u]
    return steps, excess, float(total[0])


def _per_step(box: Box, free: Steps) -> Floats:
    """(1 + g, u, 1 + s) value and usage that one grid step of each arm adds over the unit's best arm."""
    choice = box.resolve.choice
    both = np.concatenate([choice.gain[None], choice.use]) / np.maximum(free, 1)[:, None]
    return np.concatenate([np.zeros((*both.shape[:2], 1)), both], axis=2)
