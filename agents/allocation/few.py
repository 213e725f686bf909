"""The last few units in arm space, each under its own limit, so that stored probabilities keep every row."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from agents.allocation.box import Box, Retry
from agents.allocation.oracle import Scan
from agents.allocation.own_rows import Own
from agents.allocation.programs import Choice
from agents.allocation.rounding import round_to_grid
from agents.allocation.rows import Floats
from agents.allocation.stack import Stack
from agents.allocation.stages import BLOCKS
from agents.allocation.units import Units

__all__ = ["Few", "rounded_few"]

_MARGIN = 1e-14  # of a row's size: room for the order of summation
_HIGH = 1e3


@dataclass(frozen=True, eq=False)
class Few:
    """Units and the shares of arms they should have, as real numbers."""

    units: NDArray[np.intp]  # (u,)
    shares: Floats  # (u, k)


def rounded_few(
    stack: Stack, units: Units, own: Own, few: Few, steps: NDArray[np.int64], free: NDArray[np.int64]
) -> tuple[NDArray[np.int64], float]:
    """(u, k) grid steps of the few, and what they exceed rows by when all others have `steps` (m, k).

    stack: shared rows over arms. free: (m,) steps beside the floors.
    """
    tiny = _program(stack, own, few, steps, free)
    part = Units(None, units.allowed[:, few.units], units.floor[few.units], units.weight[few.units])
    box = _box(tiny, few.shares)
    rounded = round_to_grid(tiny, part, box)
    u, k = few.shares.shape
    out = np.zeros((u, k), dtype=np.int64)
    np.add.at(out, (np.arange(u)[:, None], box.primal.arms), rounded.steps)
    usage = np.zeros_like(tiny.limit)
    for r in range(len(tiny.coef)):
        share = out.T / np.maximum(free[few.units], 1)
        tiny.charge(r, (tiny.coef[r] * share).sum(axis=0), slice(None), usage)
    return out, float(np.maximum(usage - tiny.limit, 0.0).sum())


def _program(stack: Stack, own: Own, few: Few, steps: NDArray[np.int64], free: NDArray[np.int64]) -> Stack:
    """The program of the few: shared rows less what all others use, then one row for each unit's own limit."""
    who, g = few.units, len(stack.limit)
    share = steps.T / np.maximum(free, 1)
    share[:, who] = 0.0
    used = np.zeros(g)
    for r in range(len(stack.coef)):
        stack.charge(r, (stack.coef[r] * share).sum(axis=0), slice(None), used)
    bounded = np.isfinite(own.room[who])
    allowed = np.isfinite(stack.value[:, who])
    spread = np.ptp(np.where(allowed, own.coef[:, who], 0.0), axis=0)
    worth = np.ptp(np.where(allowed, stack.value[:, who], 0.0), axis=0)
    scale = np.exp2(np.round(np.log2(np.maximum(worth, 1e-300) / np.maximum(spread, 1e-300))))
    scale = np.where((spread > 0) & (worth > 0), scale, 1.0)
    room = np.where(bounded, own.room[who] * scale, np.maximum(spread, 1.0) * scale * 10)
    coef = np.where(bounded, own.coef[:, who] * scale, 0.0)
    base = np.repeat(np.arange(g)[:, None], len(who), axis=1) if stack.code is None else stack.code[:, who]
    size = np.where(bounded, own.size[who] * scale, 1.0)
    own_limit = room - _MARGIN * size
    return replace(
        stack,
        value=stack.value[:, who],
        coef=np.concatenate([stack.coef[:, :, who], coef[None]]),
        code=np.concatenate([base, g + np.arange(len(who))[None]]),
        limit=np.concatenate([stack.limit - used, own_limit]),
        least=np.concatenate([stack.least, np.zeros(len(who))]),
        scale=np.concatenate([stack.scale, scale]),
        row_spread=np.concatenate([stack.row_spread, np.maximum(size, 1e-300)]),
        row_size=np.concatenate([stack.row_size, size]),
        free=np.concatenate([stack.free, np.zeros(len(who), dtype=np.bool_)]),
    )


def _box(tiny: Stack, shares: Floats) -> Box:
    """The shares (u, k) as the primal of a box that holds every arm of every unit."""
    u, k = shares.shape
    at, allowed = np.arange(u), np.isfinite(tiny.value)
    best = shares.argmax(axis=1)
    order = np.argsort(np.arange(k)[None] == best[:, None], axis=1, kind="stable")[:, :-1].T  # (k - 1, u)
    value = np.where(allowed, tiny.value, 0.0)
    open_ = np.take_along_axis(allowed, order, axis=0)
    loss = max(tiny.value_spread / tiny.m, 1e-300)
    gain = np.where(open_, np.take_along_axis(value, order, axis=0) - value[best, at], -loss)
    use, usage = np.zeros((len(tiny.limit), u, k - 1)), np.zeros_like(tiny.limit)
    assert tiny.code is not None
    for r, coef in enumerate(tiny.coef):
        use[tiny.code[r], at] += np.where(open_, np.take_along_axis(coef, order, axis=0) - coef[best, at], 0.0).T
        tiny.charge(r, coef[best, at], slice(None), usage)
    nothing = np.zeros_like(tiny.limit)
    here = Scan(nothing, nothing, 0.0, float(value[best, at].sum()), usage, best, np.zeros(u))
    choice = Choice(gain.T, use, np.ones(u), tiny.limit - usage, nothing, np.full_like(nothing, _HIGH))
    arms = np.vstack([best, order]).T
    retry = Retry(tiny, here, at, arms, choice, at, at, BLOCKS, np.inf)
    return Box(retry.restated(np.take_along_axis(shares, arms, axis=1)), nothing, 1.0, True, True, retry)
