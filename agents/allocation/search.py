"""The search for exact prices: a box around the best prices known, solved exactly, moved until it holds them.

Inside a box only the units whose best arm could change matter; they enter a finishing LP whole, everybody else
enters as a constant. Where the answer presses against the box, a bundle of cuts from all passes so far says
where to go next. No move raises the dual; the search stops when dual and primal meet.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agents.allocation.box import Box, Primal, solve_box
from agents.allocation.oracle import Scan, radius_of, scan
from agents.allocation.programs import CUTS, master
from agents.allocation.rows import Floats
from agents.allocation.stack import Stack
from agents.allocation.stages import BLOCKS
from agents.allocation.start import refined_prices

__all__ = ["Reach", "Search", "search"]

_UNDECIDED = 192
_ROUNDS = 100
_STRAY = 2.0  # times its reach is how far a narrowed program is followed, as a box may overshoot
_NOISE = 1e-13  # of a row's size, in sums
_KEPT = 1e-9  # of a row's spread; what is left of it is mended when probabilities are rounded


@dataclass(frozen=True, eq=False)
class Search:
    """Where a search ended: the lowest bound, and the box whose primal is best among those that keep the rows.

    box is None when no box held such a primal: prices ran away, the sign of a program that cannot be met.
    """

    lowest: Scan
    box: Box | None
    passes: int

    @property
    def gap(self) -> float:
        """Bound less worth, in dollars."""
        return np.inf if self.box is None else self.lowest.bound - self.box.primal.worth


@dataclass(frozen=True, eq=False)
class Reach:
    """Prices around a middle, (g,) each, within which a narrowed program stands for the whole."""

    middle: Floats
    half: Floats

    def holds(self, prices: Floats, times: float = 1.0) -> bool:
        """Whether prices lie inside, or inside that many times as wide a reach."""
        return bool((np.abs(prices - self.middle) <= times * self.half).all())

    def nearest(self, prices: Floats) -> Floats:
        """The prices inside that are nearest to these."""
        return np.clip(prices, self.middle - self.half, self.middle + self.half)


def search(
    stack: Stack,
    prices: Floats,
    tol: float,
    cap: float = np.inf,
    runaway: float = 200.0,
    within: Reach | None = None,
) -> Search:
    """Prices and shares whose values differ by at most `tol` of the spread of value.

    cap: price at which usage beyond a limit may be bought; infinite when it may not. Gives up once prices
    exceed `runaway` and the rows are still broken, and without a box once they leave `within` by its own width.
    """
    here = scan(stack, prices, radius_of(stack, prices))
    few = max(_UNDECIDED, 4 * len(prices))
    cuts, size, blocks, passes = [here], few, BLOCKS, 1
    lowest, highest = here, None
    done = Search(lowest, highest, passes)
    for turn in range(_ROUNDS):
        box = solve_box(stack, here, size, blocks, cap)
        there = scan(stack, box.prices, radius_of(stack, box.prices))
        passes += 1
        cuts.append(there)
        lowest = min(lowest, there, key=_bound)
        if _kept(stack, box.primal, cap) and (highest is None or box.primal.worth > highest.primal.worth):
            highest = box
        if within is not None and not within.holds(box.prices, _STRAY):
            return Search(there, None, passes)
        done = Search(lowest, highest, passes)
        if done.gap <= tol * stack.value_spread or (highest is None and here.prices.max(initial=0.0) > runaway):
            return done
        here = there if box.exact else min(here, there, key=_bound)  # blocks may mislead
        if box.inside and not box.exact:  # right to within its blocks: look closer, with more of them
            size, blocks = max(few, min(blocks, size // 8)), 2 * blocks
        else:
            size = 4 * size
        if turn and not box.inside:
            if turn % 2 and np.isinf(cap):
                guess, more = refined_prices(stack, here.prices)
                cuts.append(scan(stack, guess, radius_of(stack, guess)))
            else:
                cuts.append(_follow_cuts(stack, here, cuts, box, cap))
                more = 0
            here = min(here, cuts[-1], key=_bound)
            passes += 1 + more
    return done


def _bound(one: Scan) -> float:
    return one.bound


def _kept(stack: Stack, primal: Primal, cap: float) -> bool:
    return bool(np.isfinite(cap) or (primal.over <= _KEPT * stack.row_spread + _NOISE * stack.row_size).all())


def _follow_cuts(stack: Stack, here: Scan, cuts: list[Scan], box: Box, cap: float) -> Scan:
    """The pass at the prices where the cuts of earlier passes are lowest, a few box widths away at most."""
    last = cuts[-CUTS:]
    slopes = np.stack([stack.limit - c.usage for c in last])
    offsets = np.array([c.gain for c in last])
    reach = 4 * box.width * here.radius
    low, high = np.maximum(here.prices - reach, stack.lowest), np.minimum(here.prices + reach, cap)
    unit = stack.value_spread
    prices, _ = master(slopes / unit, (offsets - here.bound) / unit, low, high)
    return scan(stack, prices, radius_of(stack, prices))
