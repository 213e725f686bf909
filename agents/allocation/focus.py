"""Fewer and fewer units: one pass over all of them finds those whose best arm could change near the prices.

While prices stay inside the box of that pass, everybody else keeps their arm, so the program of the few, with the
usage of the others taken off the limits, is the whole program. It is narrowed again in the same way until it is
small enough for the search.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from agents.allocation.box import Box, widest
from agents.allocation.oracle import Scan, radius_of, scan
from agents.allocation.rows import Floats
from agents.allocation.search import Reach, Search, search
from agents.allocation.stack import Stack
from agents.allocation.start import refined_prices, sampled, sampled_prices

__all__ = ["exact_prices", "focused", "lifted", "narrowed"]

_SMALL = 4_096
_SHARE = 0.2  # of the units stay in the program
_TURNS = 4
_SAMPLE = 8_192
_ROUGH = 1e-6  # of the spread of value: all that prices of a sample are good for


def focused(stack: Stack, prices: Floats, tol: float, within: Reach | None = None, soft: bool = True) -> Search:
    """As `search` from `prices`, on fewer units wherever the prices found say that these were enough.

    within: prices outside which the stack stands for nothing, as for `search`. soft: whether the prices given are
    rough, so that they are improved on a sample first.
    """
    passes = 0.0
    for turn in range(_TURNS if stack.m > _SMALL else 0):
        rough = soft and stack.m > 2 * _SMALL and (stack.code is None or len(stack.coef) > 1)
        if rough:
            soft = turn == 0
            prices = sampled_prices(stack, prices, 0) if soft else exact_prices(sampled(stack, 0, _SAMPLE), prices)
        here = scan(stack, prices, radius_of(stack, prices))
        width, who = widest(here.distance, max(int(_SHARE * stack.m), _SMALL // 2))
        if not 0 < len(who) <= 0.5 * stack.m:  # too many are tied
            break
        few, reach = narrowed(stack, here, who), Reach(prices, width * here.radius)
        found = focused(few, prices, tol, reach, soft)
        passes += 1 + found.passes * len(who) / stack.m
        if found.box is not None and reach.holds(found.lowest.prices):
            final = scan(stack, found.lowest.prices)
            others, gain = stack.limit - few.limit, few.constant - stack.constant
            return Search(final, lifted(found.box, others, gain, here.best, who), int(np.ceil(passes)) + 1)
        prices = reach.nearest(found.lowest.prices)
        astray = rough and found.box is None and stack.m <= 3 * _SAMPLE  # whoever narrowed may ask a sample
        if within is not None and (astray or not within.holds(prices)):
            return Search(found.lowest, None, int(np.ceil(passes)))
    start, more = refined_prices(stack, prices)
    found = search(stack, start, tol, within=within)
    return replace(found, passes=found.passes + more + int(np.ceil(passes)))


def exact_prices(small: Stack, prices: Floats) -> Floats:
    """Prices (g,) of a sample's own program: what several passes cost, for when Newton led astray.

    Newton's maximum is softened, so its prices are off where few units of much usage decide, as under a limit that is
    nearly 0.
    """
    return search(small, prices, _ROUGH).lowest.prices


def narrowed(stack: Stack, here: Scan, who: NDArray[np.intp]) -> Stack:
    """The program of the units `who`, all others at their best arm."""
    usage, best, gain = np.zeros_like(stack.limit), here.best[who], 0.0
    value, coef = stack.value[:, who], stack.coef[:, :, who]
    code = None if stack.code is None else stack.code[:, who]
    at = np.arange(len(who))
    gain = float(value[best, at].sum())
    few = replace(stack, value=value, coef=coef, code=code)
    for r in range(len(coef)):
        few.charge(r, coef[r, best, at], slice(None), usage)
    return replace(few, limit=stack.limit - (here.usage - usage), constant=stack.constant + here.gain - gain)


def lifted(box: Box, usage: Floats, gain: float, best: NDArray[np.intp], who: NDArray[np.intp]) -> Box:
    """A box of the units `who` as a box of everybody: the others add usage (g,) and gain, and take `best` (m,)."""
    inner, primal = box.resolve.here, box.primal
    best = best.copy()
    best[who] = inner.best
    there = replace(inner, bound=inner.bound + gain, gain=inner.gain + gain, usage=inner.usage + usage, best=best)
    units, stack = who[primal.units], box.resolve.stack
    return replace(
        box,
        primal=replace(
            primal,
            best=best,
            units=units,
            value=primal.value + gain,
            usage=primal.usage + usage,
            worth=primal.worth + gain,
        ),
        resolve=replace(box.resolve, stack=replace(stack, limit=stack.limit + usage), here=there, who=units),
    )
