"""Limits of single units, such as one for each account, taken into the units' own arms.

A row that gives every unit a limit of its own couples nobody: it cuts the unit's simplex, and what is left has the
arms that keep the limit as vertices, and mixtures of a keeping and a breaking arm that use it up. With those as arms
the program has its shared rows left and nothing else, however many accounts there are (Dantzig and Wolfe 1960).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from agents.allocation.oracle import CHUNK
from agents.allocation.result import GRID
from agents.allocation.rows import Floats, Linear
from agents.allocation.stack import Stack
from agents.allocation.units import Units

__all__ = ["Own", "Vertices", "chosen", "extended", "own_of", "own_prices", "vertices_of"]

_EDGE = 1e-10  # of a row's size: a least usage beyond the limit by less is rounding


@dataclass(frozen=True, eq=False)
class Own:
    """One row's limits by unit, floors and decided users taken out, `>=` folded in."""

    row: Linear
    codes: NDArray[np.integer]  # (c,) in order: one expanded row each
    of: NDArray[np.intp]  # (m,) place among codes of each unit with a choice; -1: no limit, or no choice
    coef: Floats  # (k, m) of the probability left beside the floors
    room: Floats  # (m,) inf where there is no limit
    size: Floats  # (m,) what rounding is relative to
    decided: Floats  # (c,) excess over the limit where nobody of the code has a choice, else -inf
    flip: float


def own_of(row: Linear, units: Units) -> Own | None:
    """The row by unit, or None where a limit is shared by units that may choose."""
    if row.segment is None:
        return None
    m = units.allowed.shape[1]
    codes, at = np.unique(np.where(row.segment < 0, -1, row.segment), return_inverse=True)
    outside = int(len(codes) > 0 and codes[0] < 0)
    codes, at = codes[outside:], at - outside
    user_unit = np.arange(m) if units.of is None else units.of
    of = np.full(m, -1, dtype=np.intp)
    np.maximum.at(of, user_unit, at)
    if not len(codes) or (of[user_unit] != at).any():
        return None
    choice = units.allowed.sum(axis=0) > 1
    if len(np.unique(of[choice & (of >= 0)])) < int((choice & (of >= 0)).sum()):
        return None
    flip = -1.0 if row.sense == ">=" else 1.0
    stated = np.asarray(row.limit, dtype=np.float64)
    limit = flip * (np.full(len(codes), float(stated)) if stated.ndim == 0 else stated[codes])
    coef = flip * units.total(np.asarray(row.coef, dtype=np.float64))
    coef[:, of < 0] = 0.0
    alone = ~choice & (of >= 0)
    fixed = np.sum(coef, axis=0, where=units.allowed)
    left = limit - np.bincount(of[alone], weights=fixed[alone], minlength=len(codes))
    served = fixed * (units.floor / GRID)
    bound = choice & (of >= 0)
    coef *= units.weight
    highest = np.max(np.abs(coef), axis=0, where=units.allowed, initial=0.0)
    least = np.min(coef, axis=0, where=units.allowed, initial=np.inf)
    spread = np.max(coef, axis=0, where=units.allowed, initial=-np.inf) - least
    size = np.maximum(np.maximum(spread, 1e-5 * highest), np.where(bound, np.abs(limit)[of], 0.0))
    room = np.where(bound, left[of] - served, np.inf)
    room = np.where((least > room) & (least <= room + _EDGE * size), least, room)
    free = np.zeros(len(codes), dtype=np.bool_)
    free[of[bound]] = True
    over = np.where(left < -_EDGE * np.maximum(np.abs(limit), 1e-300), -left, -np.inf)
    return Own(row, codes, np.where(bound, of, -1), coef, room, size, np.where(free, -np.inf, over), flip)


@dataclass(frozen=True, eq=False)
class Vertices:
    """Arms of each unit under its own limit: k plain ones, then mixtures `(1 - share) first + share second`."""

    plain: NDArray[np.bool_]  # (k, m) allowed and within the limit
    first: NDArray[np.intp]  # (x, m)
    second: NDArray[np.intp]  # (x, m)
    share: Floats  # (x, m), NaN where there is no such mixture

    def parts(self, units: NDArray[np.intp], vertex: NDArray[np.intp]) -> tuple[NDArray[np.intp], ...]:
        """First and second arm of each (unit, vertex); the same arm twice for a plain one."""
        k, mixed = len(self.plain), vertex >= len(self.plain)
        if not len(self.first):
            return vertex, vertex
        x = np.where(mixed, vertex - k, 0)
        return np.where(mixed, self.first[x, units], vertex), np.where(mixed, self.second[x, units], vertex)

    def shares(self, units: NDArray[np.intp], vertex: NDArray[np.intp]) -> Floats:
        """Share of the second arm of each (unit, vertex)."""
        mixed = vertex >= len(self.plain)
        if not len(self.first):
            return np.zeros(np.shape(vertex))
        x = np.where(mixed, vertex - len(self.plain), 0)
        return np.where(mixed, self.share[x, units], 0.0)


def vertices_of(own: Own, units: Units) -> Vertices:
    """All vertices of what each unit's limit leaves of its simplex."""
    k, m = own.coef.shape
    plain = units.allowed & (own.coef <= own.room)
    pairs = np.array([(i, j) for i in range(k) for j in range(k) if i != j], dtype=np.intp).reshape(-1, 2)
    breaking = np.flatnonzero((units.allowed & ~plain).any(axis=0))
    parts: list[tuple[NDArray[np.intp], Floats, NDArray[np.intp]]] = []
    for start in range(0, len(breaking), CHUNK):
        who = breaking[start : start + CHUNK]
        a, room = own.coef[:, who], own.room[who]
        low, high = a[pairs[:, 0]], a[pairs[:, 1]]  # (pairs, q)
        allowed = units.allowed[:, who]
        open_ = allowed[pairs[:, 0]] & allowed[pairs[:, 1]] & (low < room) & (high > room)
        most = int(open_.sum(axis=0).max(initial=0))
        pick = np.argsort(~open_, axis=0, kind="stable")[:most]
        low, high = (np.take_along_axis(x, pick, axis=0) for x in (low, high))
        there = np.take_along_axis(open_, pick, axis=0)
        share = np.divide(room - low, high - low, out=np.full(low.shape, np.nan), where=there)
        parts.append((pick, share, who))
    most = max((len(p[0]) for p in parts), default=0)
    first, second = np.zeros((most, m), np.intp), np.zeros((most, m), np.intp)
    shares = np.full((most, m), np.nan)
    for pick, share, who in parts:
        first[: len(pick), who], second[: len(pick), who] = pairs[pick, 0], pairs[pick, 1]
        shares[: len(pick), who] = share
    return Vertices(plain, first, second, shares)


def extended(stack: Stack, vertices: Vertices) -> Stack:
    """The program of the shared rows over vertices in place of arms. stack: over arms, without the units' own row."""
    value = np.concatenate([np.where(vertices.plain, stack.value, -np.inf), _mixed(vertices, stack.value, -np.inf)])
    coef = np.array([np.concatenate([c, _mixed(vertices, c, 0.0)]) for c in stack.coef])
    coef = coef.reshape(len(stack.coef), *value.shape)
    least = np.zeros_like(stack.limit)
    grown = replace(stack, value=value, coef=coef)
    for r in range(len(coef)):
        grown.charge(r, np.min(coef[r], axis=0, where=np.isfinite(value), initial=np.inf), slice(None), least)
    return replace(grown, least=least)


def _mixed(vertices: Vertices, over_arms: Floats, absent: float) -> Floats:
    """(x, m) what each mixture has of amounts over arms (k, m)."""
    share = vertices.share
    there = np.isfinite(share)
    low = np.take_along_axis(over_arms, vertices.first, axis=0) if len(share) else share
    high = np.take_along_axis(over_arms, vertices.second, axis=0) if len(share) else share
    with np.errstate(invalid="ignore"):
        return np.where(there, (1.0 - share) * low + share * high, absent)


def own_prices(net: Floats, own: Own) -> Floats:
    """(m,) the price >= 0 of each unit's own limit at which its bound is least; exact: one of its kinks.

    net: (k, m) value less what the shared rows charge, -inf where not allowed.
    """
    prices = np.zeros(net.shape[1])
    top = np.take_along_axis(own.coef, net.argmax(axis=0)[None], axis=0)[0]
    breaking = np.flatnonzero(top > own.room)
    k = len(net)
    for start in range(0, len(breaking), CHUNK):
        who = breaking[start : start + CHUNK]
        v, a, room = net[:, who], own.coef[:, who], own.room[who]
        best, at = np.full(len(who), np.inf), np.zeros(len(who))
        for i in range(k):
            for j in range(k):
                with np.errstate(invalid="ignore", divide="ignore"):
                    kink = np.where(a[j] > a[i], (v[j] - v[i]) / (a[j] - a[i]), np.nan)
                    kink = np.where(np.isfinite(kink) & (kink >= 0), kink, 0.0)
                bound = kink * room + (v - kink * a).max(axis=0)
                at, best = np.where(bound < best, kink, at), np.minimum(bound, best)
        prices[who] = at
    return prices


def chosen(rows: Sequence[Linear], units: Units) -> tuple[int, Own] | None:
    """The first row that gives units limits of their own, and where it stands."""
    for i, row in enumerate(rows):
        own = own_of(row, units)
        if own is not None:
            return i, own
    return None
