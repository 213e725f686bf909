"""From shares of vertices to grid steps of arms, every unit within its own limit.

Whoever sits on a mixture is rounded towards the arm that keeps the limit. What that moves the shared rows by is taken
up by the few units between vertices, together with some of the mixed ones, each under its own limit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agents.allocation.box import Primal
from agents.allocation.few import Few, rounded_few
from agents.allocation.outcome import Outcome
from agents.allocation.own_program import Asked
from agents.allocation.own_rows import Own, Vertices
from agents.allocation.result import GRID
from agents.allocation.rows import Floats
from agents.allocation.units import Units

__all__ = ["exact_shares", "stored_steps"]

_JOINED = (0, 8, 64, 512)
"""Mixed units that help to take up the rounding of the others, in the order tried."""

_NOISE = 1e-14


def exact_shares(vertices: Vertices, units: Units, primal: Primal) -> tuple[NDArray[np.intp], Floats]:
    """Units that are randomised, those between vertices first, and their shares of arms as real numbers (q, k)."""
    k = len(vertices.plain)
    between = ((primal.shares > 0) & (primal.shares < 1)).any(axis=1)
    best = primal.best.copy()
    best[primal.units] = primal.arms[np.arange(len(primal.units)), primal.shares.argmax(axis=1)]
    loose = primal.units[between]
    mixed = best >= k
    mixed[loose] = False
    others = np.flatnonzero(mixed)
    who = np.concatenate([loose, others])
    over_loose = _over_arms(vertices, loose, primal.arms[between], primal.shares[between], k)
    over_others = _over_arms(vertices, others, best[others][:, None], np.ones((len(others), 1)), k)
    return who, np.concatenate([over_loose, over_others])


def _over_arms(vertices: Vertices, who: NDArray[np.intp], at: NDArray[np.intp], given: Floats, k: int) -> Floats:
    """(u, k) shares of arms when units `who` are given vertices `at` (u, s) by shares `given` (u, s)."""
    shares, rows = np.zeros((len(who), k)), np.arange(len(who))
    for s in range(at.shape[1]):
        first, second = vertices.parts(who, at[:, s])
        part = vertices.shares(who, at[:, s])
        np.add.at(shares, (rows, first), given[:, s] * (1.0 - part))
        np.add.at(shares, (rows, second), given[:, s] * part)
    return shares


def stored_steps(
    asked: Asked, vertices: Vertices, outcome: Outcome, who: NDArray[np.intp], exact: Floats
) -> NDArray[np.int64]:
    """(m, k) grid steps beside the floors: every own limit kept, and the shared rows too where they can be."""
    units, primal, m, k = asked.units, outcome.box.primal, asked.stack.m, len(vertices.plain)
    free = np.asarray(GRID - units.floor * units.allowed.sum(axis=0))
    best = primal.best.copy()
    best[primal.units] = primal.arms[np.arange(len(primal.units)), primal.shares.argmax(axis=1)]
    steps = np.zeros((m, k), dtype=np.int64)
    first, second = vertices.parts(np.arange(m), best)
    part = vertices.shares(np.arange(m), best)
    up = _floored(asked.own, first, second, part, free)
    steps[np.arange(m), first] += free - up
    steps[np.arange(m), second] += up
    if outcome.farkas is not None or not len(who):
        return steps
    loose = int(((primal.shares > 0) & (primal.shares < 1)).any(axis=1).sum())
    for joined in _JOINED:
        few = Few(who[: loose + joined], exact[: loose + joined])
        if not len(few.units):
            over, found = _shared_excess(asked, steps, free), steps[few.units]
        else:
            found, over = rounded_few(asked.stack, units, asked.own, few, steps, free)
        if over == 0 or loose + joined >= len(who):
            break
    steps[few.units] = found
    return steps


def _shared_excess(asked: Asked, steps: NDArray[np.int64], free: NDArray[np.int64]) -> float:
    """How far stored shares exceed the shared rows."""
    stack = asked.stack
    share, usage = steps.T / np.maximum(free, 1), np.zeros_like(stack.limit)
    for r in range(len(stack.coef)):
        stack.charge(r, (stack.coef[r] * share).sum(axis=0), slice(None), usage)
    return float(np.maximum(usage - stack.limit + _NOISE * stack.row_size, 0.0).sum())


def _floored(
    own: Own, first: NDArray[np.intp], second: NDArray[np.intp], part: Floats, free: NDArray[np.int64]
) -> NDArray[np.int64]:
    """(m,) steps of the second arm, as many as the unit's limit surely holds."""
    at = np.arange(len(first))
    up = np.floor(part * free).astype(np.int64)
    low, high = own.coef[first, at], own.coef[second, at]
    used = low + (high - low) * up / np.maximum(free, 1)
    return np.asarray(np.where((up > 0) & (used > own.room - _NOISE * own.size), up - 1, up))
