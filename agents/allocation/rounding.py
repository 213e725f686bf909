"""From shares to probabilities on the float32 grid, on the side where every row keeps its limit.

Only the units that are randomised need rounding: everybody else takes one arm, or floors that lie on the grid.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from agents.allocation.box import Box, Primal
from agents.allocation.neighbours import Steps, best_neighbour
from agents.allocation.result import GRID
from agents.allocation.rows import Floats
from agents.allocation.stack import Stack
from agents.allocation.units import Units

__all__ = ["Rounded", "polished", "room_for_rounding", "round_to_grid"]

_TIGHTENED = (0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 2.0, 8.0, 32.0)
"""Lowered limits to try, in multiples of what rounding could add to a row."""

_BY_SHIFT = 6  # tries that move the shares a little; later ones solve the box again
_NOISE = 1e-14
"""Share of a row's size that two orders of summation may differ by, with room to spare."""


@dataclass(frozen=True, eq=False)
class Rounded:
    """Grid steps of the undecided units: (u, 1 + s) in multiples of 1 / GRID, floors not included."""

    primal: Primal
    steps: Steps
    lost: float  # value given up, in dollars
    quantum: float  # largest relative step that a grid of this width forces on a row
    n_randomised: int

    def exact(self, units: Units) -> tuple[NDArray[np.intp], Floats]:
        """Units that are randomised, and what they would be given if probabilities were real numbers, (u, k)."""
        p = self.primal
        loose = np.flatnonzero(((p.shares > 0) & (p.shares < 1)).any(axis=1))
        who = p.units[loose]
        probs = (units.allowed[:, who] * units.floor[who]).T / GRID
        np.add.at(probs, (np.arange(len(who))[:, None], p.arms[loose]), p.shares[loose] * units.weight[who][:, None])
        return who, probs

    def users(self, units: Units) -> tuple[NDArray[np.intp], Floats]:
        """The same by user."""
        who, exact = self.exact(units)
        if units.of is None:
            return who, exact
        place = np.full(units.allowed.shape[1], -1)
        place[who] = np.arange(len(who))
        users = np.flatnonzero(place[units.of] >= 0)
        return users, exact[place[units.of[users]]]

    def probs(self, units: Units) -> NDArray[np.float32]:
        """(m, k) probabilities, floors served; rows sum to exactly 1."""
        p, m = self.primal, units.allowed.shape[1]
        steps = (units.allowed * units.floor).T
        free = _free(units)
        free[p.units] = 0
        steps[np.arange(m), p.best] += free
        np.add.at(steps, (p.units[:, None], p.arms), self.steps)
        return (steps / GRID).astype(np.float32)


def round_to_grid(stack: Stack, units: Units, box: Box) -> Rounded:
    """The box's primal on the grid. Lowers the limits a little, a few times at most, until no row is broken."""
    box = polished(stack, box)
    primal, free = box.primal, _free(units)[box.primal.units]
    loose = (primal.shares > 0) & (primal.shares < 1)
    n_random = int(loose.any(axis=1).sum())
    if np.isfinite(box.resolve.cap) or not (n_random or primal.over.any()):
        return Rounded(primal, _largest_gets_rest(primal.shares, free), 0.0, 0.0, n_random)
    tighten = np.where(stack.free, 0.0, _allowance(stack, box, loose, free))
    quantum = float((tighten / np.maximum(stack.row_spread, 1e-300)).max())
    limit = np.where(stack.free, np.inf, stack.limit - _NOISE * stack.row_size)  # whoever frees a row allows for it
    best: tuple[float, float, Steps] = (np.inf, 0.0, np.empty(0, np.int64))
    for turn, factor in enumerate(_TIGHTENED):
        nearby = _shifted(stack, box, loose, factor * tighten) if turn < _BY_SHIFT and n_random else None
        shares = box.resolve.primal(factor * tighten)[0].shares if nearby is None else nearby
        steps, over, value = best_neighbour(box, limit, shares, free)
        best = min(best, (over, primal.value - value, steps), key=lambda b: b[:2])
        if over == 0:
            break
    n_random = int(((best[2] > 0) & (best[2] < free[:, None])).any(axis=1).sum())
    return Rounded(primal, best[2], max(0.0, best[1]), quantum, n_random)


def polished(stack: Stack, box: Box) -> Box:
    """The box with the solver's last error taken out of its primal, where moving the randomised shares can do it."""
    primal = box.primal
    loose = (primal.shares > 0) & (primal.shares < 1)
    if np.isfinite(box.resolve.cap) or not (loose.any() and primal.over.any()):
        return box
    better = box.resolve.restated(_shifted(stack, box, loose, np.zeros_like(stack.limit)))
    return replace(box, primal=better) if better.over.sum() < primal.over.sum() else box


def room_for_rounding(stack: Stack, units: Units, box: Box) -> Floats:
    """(g,) the most that rounding the randomised units can add to each row."""
    loose = (box.primal.shares > 0) & (box.primal.shares < 1)
    return _allowance(stack, box, loose, _free(units)[box.primal.units])


def _free(units: Units) -> Steps:
    """(m,) grid steps left to each unit once its floors are served."""
    return np.asarray(GRID - units.floor * units.allowed.sum(axis=0))


def _largest_gets_rest(shares: Floats, free: Steps) -> Steps:
    """Whole steps: every share rounded down, what is left to the largest share."""
    steps = np.floor(shares * free[:, None] + 1e-6).astype(np.int64)
    steps[np.arange(len(free)), shares.argmax(axis=1)] += free - steps.sum(axis=1)
    return steps


def _allowance(stack: Stack, box: Box, loose: NDArray[np.bool_], free: Steps) -> Floats:
    """(g,) the most that rounding the randomised units to the grid can add to each row, and summation noise."""
    rows = loose.any(axis=1)
    quantum = np.abs(box.resolve.choice.use[:, rows]).sum(axis=2) @ (1.0 / np.maximum(free[rows], 1))
    return np.asarray(quantum + 2 * _NOISE * stack.row_size)


def _shifted(stack: Stack, box: Box, loose: NDArray[np.bool_], tighten: Floats) -> Floats:
    """Shares of the randomised units moved by least squares until tight rows have `tighten` to spare."""
    primal, use = box.primal, box.resolve.choice.use
    tight = (primal.usage > stack.limit - tighten) | stack.free
    unit, arm = np.nonzero(loose)
    full = np.concatenate([np.zeros((*use.shape[:2], 1)), use], axis=2)
    system = np.concatenate([full[tight][:, unit, arm], np.unique(unit)[:, None] == unit])
    wanted = np.zeros(len(system))
    wanted[: tight.sum()] = (stack.limit - tighten - primal.usage)[tight]
    weight = np.maximum(np.abs(system).max(axis=1), 1e-300)
    move = np.linalg.lstsq(system / weight[:, None], wanted / weight, rcond=1e-12)[0]
    shares = primal.shares.copy()
    shares[unit, arm] += move
    kept = np.clip(shares, 0.0, 1.0)
    kept = np.where(kept.any(axis=1, keepdims=True), kept, primal.shares)  # a unit moved out of reach stays
    return np.asarray(kept / kept.sum(axis=1, keepdims=True))
