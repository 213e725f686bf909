"""Prices of one row for every segment at once, exact while all other prices stay as they are.

With one price free, a unit walks down the upper hull of its (usage, value) points as the price rises: at most
k - 1 steps, each at a price of its own. Sorted by segment and price, the steps say where each segment's usage
first keeps its limit (Sinha and Zoltners 1979 walk the same hull).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agents.allocation.oracle import reduced
from agents.allocation.rows import Floats
from agents.allocation.stack import Stack

__all__ = ["swept"]

_Step = tuple[NDArray[np.intp], Floats, Floats]
"""Units that step down their hull, the price at which each does, the usage it saves."""


def swept(stack: Stack, prices: Floats, rounds: int = 1) -> Floats:
    """Prices (g,) after every row with segments had its turn; the dual never rises. stack.code is given."""
    assert stack.code is not None
    for _ in range(rounds):
        for r, code in enumerate(stack.code):
            prices = _row_swept(stack, prices, r, code)
    return prices


def _row_swept(stack: Stack, prices: Floats, r: int, code: NDArray[np.intp]) -> Floats:
    own = np.unique(code)
    others = prices.copy()
    others[own] = 0.0
    net, coef = reduced(stack, others), stack.coef[r]
    at, arm = np.arange(stack.m), net.argmax(axis=0)
    used = np.asarray(np.bincount(code, weights=coef[arm, at], minlength=len(prices)), dtype=np.float64)
    steps: list[_Step] = []
    for _ in range(len(net) - 1):
        saved = coef[arm, at] - coef
        with np.errstate(divide="ignore", invalid="ignore"):
            price = np.where(saved > 0, (net[arm, at] - net) / saved, np.inf)
        following = price.argmin(axis=0)
        cost = price[following, at]
        who = np.flatnonzero(np.isfinite(cost))
        if not len(who):
            break
        steps.append((who, np.maximum(cost[who], 0.0), saved[following[who], who]))
        arm = np.where(np.isfinite(cost), following, arm)
    return _first_kept(stack, prices, own, code, used, steps) if steps else prices


def _first_kept(
    stack: Stack,
    prices: Floats,
    own: NDArray[np.intp],
    code: NDArray[np.intp],
    used: Floats,
    steps: list[_Step],
) -> Floats:
    """The least prices at which the rows `own` keep their limits; as they were where no price is enough."""
    who = np.concatenate([step[0] for step in steps])
    cost, saved = (np.concatenate([step[i] for step in steps]) for i in (1, 2))
    order = np.lexsort((cost, code[who]))
    segment, cost = code[who[order]], cost[order]
    total = np.cumsum(saved[order])
    heads = np.searchsorted(segment, own)
    before = np.where(heads > 0, total[heads - 1], 0.0)
    excess = used - stack.limit
    kept = total - np.repeat(before, np.diff(heads, append=len(segment))) >= excess[segment]
    kept_at = np.flatnonzero(kept)
    first = np.searchsorted(kept_at, heads)
    found = np.minimum(first, len(kept_at) - 1)
    place = kept_at[found] if len(kept_at) else np.zeros(len(own), np.intp)
    enough = (first < len(kept_at)) & (segment[place] == own) if len(kept_at) else np.zeros(len(own), bool)
    out = prices.copy()
    out[own] = np.where(excess[own] <= 0, 0.0, np.where(enough, cost[place], prices[own]))
    return out
