"""The finishing LP in stages: blocks of neighbouring units first, then the units of the blocks left in between.

A block enters with the totals of its units, so every stage keeps the rows exactly; what moving a block as one may
cost is seen by whoever compares with the bound, and more blocks cost less. A vertex of the LP leaves at most g
blocks in between (Dantzig and Wolfe 1960 aggregate likewise), so the last stage is small, ties or not.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from agents.allocation.programs import Choice, finish
from agents.allocation.rows import Floats

__all__ = ["BLOCKS", "in_stages"]

BLOCKS = 512
"""Blocks of the first attempt; fewer than twice as many units are taken one by one."""

_DUST = 1e-9


def in_stages(choice: Choice, order: NDArray[np.intp], kind: NDArray[np.intp], blocks: int) -> tuple[Floats, Floats]:
    """Shares switched (u, s), prices (g,), both exact when `2 * blocks` covers the units.

    order: (u,) units with neighbours side by side. kind: (u,) units of different kinds never share a block.
    """
    u, blocks = len(choice.size), max(blocks, 8 * len(choice.room))
    if u <= 2 * blocks:
        return _alone(choice)
    of = _blocks(order, kind, -(-u // blocks))
    count = np.bincount(of).astype(np.float64)
    if len(count) > u // 2:  # so many kinds that blocks are no help
        return _alone(choice)
    switched, prices = _alone(_totals(choice, of, count))
    shares = switched[of]
    between = np.asarray(((shares > 0) & (shares < 1)).any(axis=1), dtype=np.bool_)
    if between.any():
        rest = _remaining(choice, shares, between)
        place = np.full(u, -1)
        place[between] = np.arange(int(between.sum()))
        inner = place[order]
        shares[between], _ = in_stages(rest, inner[inner >= 0], kind[between], blocks)
    return shares, prices


def _alone(choice: Choice) -> tuple[Floats, Floats]:
    """Shares (u, s) of one LP, without the solver's dust, and its prices."""
    switched, prices = finish(choice)
    shares = np.clip(switched / np.maximum(choice.size, 1.0)[:, None], 0.0, 1.0)
    shares[shares < _DUST] = 0.0
    shares[shares > 1 - _DUST] = 1.0
    return np.asarray(shares / np.maximum(shares.sum(axis=1, keepdims=True), 1.0)), prices


def _blocks(order: NDArray[np.intp], kind: NDArray[np.intp], most: int) -> NDArray[np.intp]:
    """(u,) block of each unit: runs of at most `most` units of one kind along `order`."""
    order = order[np.argsort(kind[order], kind="stable")]
    new = np.diff(kind[order], prepend=-1) != 0
    at = np.arange(len(order))
    since = at - np.maximum.accumulate(np.where(new, at, 0))
    of = np.empty(len(order), np.intp)
    of[order] = np.cumsum(new | (since % most == 0)) - 1
    return of


def _totals(choice: Choice, of: NDArray[np.intp], count: Floats) -> Choice:
    """The choice of whole blocks: means of their units, as many as there are."""
    u, s = choice.gain.shape
    columns = np.concatenate([choice.gain[None], choice.use])  # (1 + g, u, s)
    sums = [np.bincount(of, weights=c, minlength=len(count)) for c in columns.transpose(0, 2, 1).reshape(-1, u)]
    mean = (np.array(sums) / count).reshape(-1, s, len(count)).transpose(0, 2, 1)
    return replace(choice, gain=mean[0], use=mean[1:], size=count)


def _remaining(choice: Choice, shares: Floats, between: NDArray[np.bool_]) -> Choice:
    """What is left to the units in between once all others do as their block does."""
    done = np.einsum("gus,us->g", choice.use[:, ~between], shares[~between])
    return replace(
        choice,
        gain=choice.gain[between],
        use=choice.use[:, between],
        size=choice.size[between],
        room=choice.room - done,
    )
