"""Arms drawn along one random order: every marginal probability exact, head-counts as steady as they can be.

Systematic sampling (Madow 1949): users stand in a random order, each as long as their probability of contact, and
one comb with unit spacing decides. Any stretch of users then holds the floor or the ceiling of its expected number
of contacts, so a whole-number limit that holds in expectation holds in the draw.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agents.allocation.result import GRID
from agents.allocation.rows import Floats
from rage_env.errors import DecisionError

__all__ = ["systematic_draw"]

_ONE = 1 << 32
_Fixed = NDArray[np.int64]


def systematic_draw(
    probs: NDArray[np.floating],
    order_uniforms: NDArray[np.floating],
    start: float,
    *,
    nest: Sequence[NDArray[np.integer]] = (),
    unit: NDArray[np.integer] | None = None,
) -> NDArray[np.int64]:
    """(n,) arms. P(arm of user i is k) is probs[i, k], to 2**-24; contacts are all arms but 0.

    probs: (n, k), rows sum to 1. order_uniforms: (n,) in [0, 1), the random order. start: in [0, 1), the comb's
    offset. nest: (n,) codes from coarse to fine; inside every group, too, the number of contacts is the floor
    or ceiling of its expectation. unit: (n,) users of a unit take one arm together and stand where their first
    user stands; head-counts then count units. Users with a certain arm take it, whatever their unit does.
    """
    p = np.asarray(probs, dtype=np.float64)
    _check(p, np.asarray(order_uniforms), start)
    if unit is None:
        return _comb(p, order_uniforms, start, nest)
    certain = p.max(axis=1) >= 1.0
    own = np.where(certain, -1 - np.arange(len(p)), unit)
    _, first, back = np.unique(own, return_index=True, return_inverse=True)
    back = back.reshape(-1)
    if (p != p[first][back]).any():
        user = int(np.argmax((p != p[first][back]).any(axis=1)))
        raise DecisionError(f"unit {np.asarray(unit)[user]}: user {user} has other probabilities than its unit.")
    return _comb(p[first], np.asarray(order_uniforms)[first], start, [np.asarray(c)[first] for c in nest])[back]


def _check(p: Floats, order: NDArray[np.floating], start: float) -> None:
    if p.ndim != 2 or order.shape != p.shape[:1]:
        raise DecisionError(f"draw: probs {p.shape} and order_uniforms {order.shape} must be (n, k) and (n,).")
    if not 0 <= start < 1:
        raise DecisionError(f"draw: start must lie in [0, 1), got {start}.")
    bad = ~(np.abs(p.sum(axis=1) - 1) <= 1e-5) | (p < 0).any(axis=1)
    if bad.any():
        user = int(np.argmax(bad))
        raise DecisionError(f"draw: probabilities of user {user} must be >= 0 and sum to 1, got {p[user].tolist()}.")


def _comb(
    p: Floats, order_uniforms: NDArray[np.floating], start: float, nest: Sequence[NDArray[np.integer]]
) -> NDArray[np.int64]:
    """Arms of independent deciders."""
    order = np.lexsort((order_uniforms, *reversed([np.asarray(c) for c in nest])))
    sorted_p = p[order]
    edges = np.rint(np.cumsum(sorted_p[:, 1:], axis=1) * _ONE).astype(np.int64)
    edges = np.minimum(edges, _ONE)
    edges[sorted_p[:, 0] == 0, -1:] = _ONE
    length = edges[:, -1] if edges.shape[1] else np.zeros(len(p), np.int64)
    length = _whole(length, [np.asarray(c)[order] for c in nest])
    ends = np.cumsum(length)
    offset = int(start * _ONE)
    teeth = -((offset - ends) // _ONE)  # teeth before each end
    before = np.concatenate([[0], teeth[:-1]])
    hit = teeth > before
    place = offset + before * _ONE - (ends - length)  # of the tooth inside the user's stretch
    arm = 1 + (place[:, None] >= edges).sum(axis=1)
    last = p.shape[1] - 1 - (sorted_p[:, ::-1] > 0).argmax(axis=1)
    arms = np.zeros(len(p), np.int64)
    arms[order] = np.where(hit, np.minimum(arm, last), 0)
    return arms


def _whole(length: _Fixed, nest: Sequence[NDArray[np.integer]]) -> _Fixed:
    """Lengths whose totals are whole wherever they differ from a whole number by float32 rounding only."""
    length = length.copy()
    groups = [np.zeros(len(length), np.int64)]
    for codes in nest:
        fresh = np.diff(codes, prepend=codes[:1]) != 0
        groups.append(np.cumsum(fresh | (np.diff(groups[-1], prepend=groups[-1][:1]) != 0)))
    for group in reversed(groups):
        loose = (length > 0) & (length < _ONE)
        m = int(group.max(initial=-1)) + 1
        total, free = np.zeros(m, np.int64), np.bincount(group, weights=loose, minlength=m).astype(np.int64)
        np.add.at(total, group, length)
        off = total - ((total + _ONE // 2) // _ONE) * _ONE
        off[np.abs(off) > free * (_ONE // GRID)] = 0
        for at in np.flatnonzero(off):
            who = np.flatnonzero(loose & (group == at))
            share = np.full(len(who), off[at] // len(who))
            share[: off[at] - int(share.sum())] += 1
            length[who] -= share
    return length
