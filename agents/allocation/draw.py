"""Arms drawn along one random order: every marginal probability exact, head-counts as steady as they can be.

Systematic sampling (Madow 1949): users stand in a random order, each as long as their probability of contact, and
one comb with unit spacing decides who is contacted. Any stretch of users then holds the floor or the ceiling of its
expected number of contacts, so a whole-number limit that holds in expectation holds in the draw. With which arm a
contacted user is met is drawn alone: a tooth's place would give users with like probabilities the same arm, and
what looks like thousands of draws would be a few.
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
    arm_uniforms: NDArray[np.floating],
    start: float,
    *,
    nest: Sequence[NDArray[np.integer]] = (),
    unit: NDArray[np.integer] | None = None,
) -> NDArray[np.int64]:
    """(n,) arms. P(arm of user i is k) is probs[i, k], to 2**-24; contacts are all arms but 0.

    probs: (n, k), rows sum to 1. order_uniforms: (n,) in [0, 1), the random order. arm_uniforms: (n,) in [0, 1),
    independent of it, which arm is met. start: in [0, 1), the comb's offset. nest: (n,) codes from coarse to fine;
    inside every group, too, the number of contacts is the floor or ceiling of its expectation. unit: (n,) users of
    a unit take one arm together and stand where their first user stands; head-counts then count units. Users with
    a certain arm take it, whatever their unit does. Raises DecisionError where a unit's rows differ.
    """
    p = np.asarray(probs, dtype=np.float64)
    order, which = np.asarray(order_uniforms), np.asarray(arm_uniforms)
    _check(p, order, which, start)
    if unit is None:
        return _arms(p, _comb(p, order, start, nest), which)
    certain = p.max(axis=1) >= 1.0
    own = np.where(certain, -1 - np.arange(len(p)), unit)
    _, first, back = np.unique(own, return_index=True, return_inverse=True)
    back = back.reshape(-1)
    if (p != p[first][back]).any():
        user = int(np.argmax((p != p[first][back]).any(axis=1)))
        raise DecisionError(f"unit {np.asarray(unit)[user]}: user {user} has other probabilities than its unit.")
    met = _comb(p[first], order[first], start, [np.asarray(c)[first] for c in nest])
    return _arms(p[first], met, which[first])[back]


def _check(p: Floats, order: NDArray[np.floating], which: NDArray[np.floating], start: float) -> None:
    for name, uniforms in (("order_uniforms", order), ("arm_uniforms", which)):
        if p.ndim != 2 or uniforms.shape != p.shape[:1]:
            raise DecisionError(f"draw: probs {p.shape} and {name} {uniforms.shape} must be (n, k) and (n,).")
    if not 0 <= start < 1:
        raise DecisionError(f"draw: start must lie in [0, 1), got {start}.")
    bad = ~(np.abs(p.sum(axis=1) - 1) <= 1e-5) | (p < 0).any(axis=1)
    if bad.any():
        user = int(np.argmax(bad))
        raise DecisionError(f"draw: probabilities of user {user} must be >= 0 and sum to 1, got {p[user].tolist()}.")


def _comb(
    p: Floats, order_uniforms: NDArray[np.floating], start: float, nest: Sequence[NDArray[np.integer]]
) -> NDArray[np.bool_]:
    """(n,) who is contacted, of independent deciders."""
    order = np.lexsort((order_uniforms, *reversed([np.asarray(c) for c in nest])))
    sorted_p = p[order]
    length = np.minimum(np.rint(sorted_p[:, 1:].sum(axis=1) * _ONE).astype(np.int64), _ONE)
    if p.shape[1] > 1:
        length[sorted_p[:, 0] == 0] = _ONE
    length = _whole(length, [np.asarray(c)[order] for c in nest])
    teeth = -((int(start * _ONE) - np.cumsum(length)) // _ONE)  # teeth before each user's end
    met = np.empty(len(p), np.bool_)
    met[order] = np.diff(teeth, prepend=0) > 0
    return met


def _arms(p: Floats, met: NDArray[np.bool_], which: NDArray[np.floating]) -> NDArray[np.int64]:
    """(n,) arm 0 for those not met; else an arm by its share of the probability of being met."""
    edges = np.cumsum(p[:, 1:], axis=1)
    total = edges[:, -1:] if edges.shape[1] else np.zeros((len(p), 1))
    arm = 1 + (edges <= which[:, None] * total).sum(axis=1)
    last = p.shape[1] - 1 - (p[:, ::-1] > 0).argmax(axis=1)
    return np.where(met, np.minimum(arm, last), 0).astype(np.int64)


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
