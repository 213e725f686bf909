"""Given prices, each unit's best arm is an argmax: the dual value, its slope, and who could still change.

Fixed chunks of 16,384 units, float64 sums, reduced in chunk order: the same bits at any thread count.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.allocation.rows import Floats
from agents.allocation.stack import Stack

__all__ = ["CHUNK", "Scan", "radius_of", "reduced", "scan"]

CHUNK = 16_384
_LOOKED_AT = 2_048  # units whose reaction to each price sets the shape of a box
_FEW = 0.05  # share of them that may react
_LONGEST = 1e3  # times the side that the price alone asks for
_ALL = slice(None)


@dataclass(frozen=True, eq=False)
class Scan:
    """One pass over the data at `prices` (g,), all in the stack's scaled units."""

    prices: Floats
    radius: Floats  # (g,) half-widths of a box of width 1; 0 where nearness was not asked for
    bound: float  # an upper bound of the program's value, by weak duality
    gain: float  # value of the best arms, before prices
    usage: Floats  # (g,)
    best: NDArray[np.intp]  # (m,)
    distance: Floats  # (m,) share of the radius at which another arm could become best; inf if none


def reduced(stack: Stack, prices: Floats, part: slice | NDArray[np.intp] = _ALL) -> Floats:
    """(k, units of part) value less what the rows charge; -inf where not allowed."""
    net = np.array(stack.value[:, part])
    for r in range(len(stack.coef)):
        net -= stack.coef[r][:, part] * stack.price(r, prices, part)
    return net


def _argmax(net: Floats) -> tuple[Floats, NDArray[np.intp]]:
    """Largest entry of each column and its first arm."""
    top, best = net[0].copy(), np.zeros(net.shape[1], dtype=np.intp)
    for arm in range(1, len(net)):
        better = net[arm] > top
        best[better] = arm
        np.maximum(top, net[arm], out=top)
    return top, best


def scan(stack: Stack, prices: Floats, radius: Floats | None = None) -> Scan:
    """Best arms, bound and usage at `prices`; with a radius (g,) also how near each unit is to changing."""
    m = stack.m
    best = np.empty(m, dtype=np.intp)
    distance = np.full(m, np.inf)
    usage, total, gain = np.zeros_like(stack.limit), 0.0, 0.0
    for start in range(0, m, CHUNK):
        part = slice(start, min(start + CHUNK, m))
        net = reduced(stack, prices, part)
        top, best[part] = _argmax(net)
        total += float(top.sum())
        pick = best[part] * (part.stop - start) + np.arange(part.stop - start)
        gain += float(stack.value[:, part].ravel()[pick].sum())
        amounts = np.zeros_like(usage)
        for r in range(len(stack.coef)):
            stack.charge(r, stack.coef[r][:, part].ravel()[pick], part, amounts)
        usage += amounts
        if radius is not None:
            distance[part] = (relative_gaps(stack, radius, part, top - net, best[part])).min(axis=0)
    radius = np.zeros_like(usage) if radius is None else radius
    return Scan(prices, radius, total + float(prices @ stack.limit), gain, usage, best, distance)


def radius_of(stack: Stack, prices: Floats) -> Floats:
    """(g,) half-widths of a box of width 1: longer along prices to which few units react, up to a thousandfold.

    In a box of equal sides the most sensitive price would set the pace for all others.
    """
    part = slice(0, stack.m, max(1, stack.m // _LOOKED_AT))
    net = reduced(stack, prices, part)
    top, best = _argmax(net)
    gap, base = top - net, np.maximum(np.abs(prices), 0.1)
    reaction = np.full(len(stack.coef), np.inf)
    for r in range(len(stack.coef)):
        a = stack.coef[r][:, part]
        reach = np.abs(a - a[best, np.arange(len(best))]) * stack.price(r, base, part)
        nearest = np.divide(gap, reach, out=np.full_like(gap, np.inf), where=(reach > 0) & (gap < np.inf)).min(axis=0)
        few = int(_FEW * len(nearest))
        reaction[r] = np.partition(nearest, few)[few]
    sharpest = max(float(reaction.min(initial=np.inf)), 1e-12)
    longer = np.clip(reaction / sharpest, 1.0, _LONGEST) if np.isfinite(sharpest) else np.ones_like(reaction)
    if stack.code is None:
        return np.asarray(base * longer)
    sides = np.ones_like(base)
    for r, code in enumerate(stack.code):
        sides[code] = longer[r]
    return np.asarray(base * sides)


def relative_gaps(
    stack: Stack, radius: Floats, part: slice | NDArray[np.intp], gap: Floats, best: NDArray[np.intp]
) -> Floats:
    """(k, units of part) gap to the best arm over the most that prices within `radius` can close; inf if never."""
    at = np.arange(gap.shape[1])
    reach = np.zeros_like(gap)
    for r in range(len(stack.coef)):
        a = stack.coef[r][:, part]
        reach += np.abs(a - a[best, at]) * stack.price(r, radius, part)
    ratio = np.full_like(gap, np.inf)
    np.divide(gap, reach, out=ratio, where=reach > 0)
    return ratio
