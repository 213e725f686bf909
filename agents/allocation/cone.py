"""Robust rows as cones: the prices of a robust row are a number and a vector no longer than it.

`mean x + radius |F'x| <= limit` costs `price mean x + w F'x` for some |w| <= price (conic duality, Ben-Tal and
Nemirovski 1999). Newton steps on the softened dual, held inside the cone by a logarithmic barrier, find price and w
to a few digits. Then, with the direction z of w given, the row is linear along z and F'x must have nothing across
it: a linear program, whose answer is exact for the cone as soon as the price of "nothing across" is 0. Taking its w
for the next z is Newton's method for |w| = price. Where |w| < price, F'x is 0 altogether.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from agents.allocation.box import Box, widest
from agents.allocation.focus import lifted, narrowed
from agents.allocation.oracle import radius_of, scan
from agents.allocation.rows import Floats, Linear, Robust
from agents.allocation.search import search
from agents.allocation.stack import Stack
from agents.allocation.start import curvature, newton_move, sampled

__all__ = ["Cone", "Coned", "coned", "lifted_rows", "one_scale"]

_HOT = (1.0, 0.5, 0.25, 0.16, 0.1)
_WARM = (0.06, 0.03, 0.015)
_FINE = (0.01, 0.004, 0.002, 0.001, 0.0005)
_SAMPLE = 2_048
_FEW = 4_096
_TURNS = 8
_SETTLED = 1e-7
_BARRIER = 0.02  # of the heat
_APEX = 0.02  # of price squared: further inside the cone F'x is 0


@dataclass(frozen=True, eq=False)
class Cone:
    """Where a robust row stands among the lifted rows: its mean, then its factors."""

    mean: int
    factors: slice


def lifted_rows(rows: Sequence[Linear | Robust]) -> tuple[list[Linear], list[Cone]]:
    """Every robust row as its mean and one row for each factor, and where they stand among expanded rows."""
    linear: list[Linear] = []
    cones: list[Cone] = []
    at = 0
    for row in rows:
        if isinstance(row, Linear):
            linear.append(row)
            at += 1 if row.segment is None else len(np.unique(row.segment[row.segment >= 0]))
            continue
        p = row.factor.shape[2]
        linear.append(Linear(row.name, row.mean, row.limit))
        linear += [Linear(f"{row.name}~{q}", row.radius * row.factor[:, :, q], 0.0) for q in range(p)]
        cones.append(Cone(at, slice(at + 1, at + 1 + p)))
        at += 1 + p
    return linear, cones


@dataclass(frozen=True, eq=False)
class Coned:
    """The answer under cones. box and stack are in rows along and across each direction, `turn` @ lifted rows."""

    lowest: Floats  # (g,) scaled prices of the lifted rows, inside the cones
    bound: float
    box: Box
    stack: Stack
    turn: Floats  # (h, g)
    along: tuple[int, ...]  # row of each cone among the h
    passes: int


def one_scale(stack: Stack, cones: Sequence[Cone]) -> Stack:
    """The same program with the factors of each cone scaled like its mean. stack.code is None."""
    by = np.ones_like(stack.limit)
    for cone in cones:
        by[cone.factors] = stack.scale[cone.mean] / stack.scale[cone.factors]
    return replace(
        stack,
        coef=stack.coef * by[:, None, None],
        limit=stack.limit * by,
        least=stack.least * by,
        scale=stack.scale * by,
        row_spread=stack.row_spread * by,
        row_size=stack.row_size * by,
        free=_factors(len(by), cones),
    )


def coned(stack: Stack, cones: Sequence[Cone], tol: float, seed: int) -> Coned | None:
    """The exact answer of a program scaled by `one_scale`; None where Newton's method does not settle."""
    prices = np.where(stack.free, 0.0, 0.3)
    prices = _newton(sampled(stack, seed, _SAMPLE), cones, prices, _HOT)
    prices = _newton(sampled(stack, seed, 4 * _SAMPLE), cones, prices, _WARM)
    passes = 2
    for _ in range(_TURNS):
        near, few = prices, stack
        if stack.m > _FEW:
            here = scan(stack, prices, radius_of(stack, prices))
            width, who = widest(here.distance, max(stack.m // 5, _FEW // 2))
            few = narrowed(stack, here, who)
        settled = _settled(few, cones, _newton(few, cones, prices, _FINE), tol)
        passes += 1
        if settled is None:
            return None
        prices, turn, along, box = settled
        if few is stack or bool((np.abs(prices - near) <= width * here.radius).all()):
            break
    else:
        return None
    if few is not stack:
        box = lifted(box, turn @ (stack.limit - few.limit), few.constant - stack.constant, here.best, who)
    lowest = _inside(prices, cones)
    final = scan(stack, lowest)
    return Coned(lowest, final.bound, box, _turned(stack, turn, rows_only=True), turn, along, passes + 1)


def _settled(
    stack: Stack, cones: Sequence[Cone], prices: Floats, tol: float
) -> tuple[Floats, Floats, tuple[int, ...], Box] | None:
    """Prices of the lifted rows, the turn of rows in which the box was solved, and the box."""
    apex = [_room(prices, cone) > _APEX for cone in cones]
    for _ in range(_TURNS):
        directions = [None if flat else _unit(prices[c.factors]) for c, flat in zip(cones, apex, strict=True)]
        turn, kept, along = _turn(len(prices), cones, directions)
        found = search(_turned(stack, turn), kept @ prices, tol)
        if found.box is None:
            return None
        prices = turn.T @ found.lowest.prices
        done = True
        for i, cone in enumerate(cones):
            length, price = float(np.linalg.norm(prices[cone.factors])), prices[cone.mean]
            if apex[i]:
                apex[i] = length <= price * (1 + 1e-12)
                done &= apex[i]
            else:
                done &= length <= price * (1 + _SETTLED)
        if done:
            return prices, turn, along, found.box
    return None


def _turn(g: int, cones: Sequence[Cone], directions: Sequence[Floats | None]) -> tuple[Floats, Floats, tuple[int, ...]]:
    """Rows along and across each direction as sums of lifted rows (h, g), how prices (h, g) carry over, where along."""
    rows: list[Floats] = []
    kept: list[Floats] = []
    along: list[int] = []
    identity, done = np.eye(g), np.zeros(g, dtype=np.bool_)
    by_mean = {cone.mean: (cone, z) for cone, z in zip(cones, directions, strict=True)}
    for i in range(g):
        cone, z = by_mean.get(i, (None, None))
        if cone is not None:
            along.append(len(rows))
        if done[i]:
            continue
        rows.append(identity[i].copy())
        kept.append(identity[i])
        if cone is not None and z is not None:
            rows[-1][cone.factors] = z
            for across in _across(z):
                rows.append(np.zeros(g))
                rows[-1][cone.factors] = across
                kept.append(rows[-1])
            done[cone.factors] = True
    return np.array(rows), np.array(kept), tuple(along)


def _across(z: Floats) -> Floats:
    """(p - 1, p) an orthonormal basis of what is orthogonal to the unit vector z."""
    full, _ = np.linalg.qr(np.column_stack([z, np.eye(len(z))]))
    return np.asarray(full[:, 1 : len(z)].T)


def _turned(stack: Stack, turn: Floats, rows_only: bool = False) -> Stack:
    """The program in turned rows; without coefficients if only limits and sizes are asked for."""
    size = np.abs(turn)
    return replace(
        stack,
        coef=stack.coef[:0] if rows_only else np.tensordot(turn, stack.coef, axes=1),
        limit=turn @ stack.limit,
        least=turn @ stack.least,
        scale=np.ones(len(turn)),
        row_spread=size @ stack.row_spread,
        row_size=size @ stack.row_size,
        free=(turn @ ~stack.free) == 0,
    )


def _newton(stack: Stack, cones: Sequence[Cone], prices: Floats, heats: Sequence[float]) -> Floats:
    """Damped Newton steps on the softened dual plus the cones' barrier, one for each heat."""
    for heat in heats:
        slope, curve = curvature(stack, prices, heat)
        weight = _BARRIER * heat * stack.value_spread
        for cone in cones:
            at = np.r_[cone.mean, cone.factors]
            y = prices[at] * np.where(at == cone.mean, 1.0, -1.0)
            room = float(y[0] ** 2 - y[1:] @ y[1:])
            slope[at] -= 2 * weight * y / room
            curve[np.ix_(at, at)] += weight * (
                4 * np.outer(y, y) / room**2 - 2 * np.diag(np.where(at == cone.mean, 1.0, -1.0)) / room
            )
        prices = _moved(stack, cones, prices, newton_move(stack, prices, slope, curve))
    return prices


def _moved(stack: Stack, cones: Sequence[Cone], prices: Floats, move: Floats) -> Floats:
    """The longest step, halved as often as need be, that stays well inside every cone."""
    for halved in range(40):
        there = prices + 0.5**halved * move
        there = np.where(stack.free, there, np.maximum(there, 0.0))
        if all(there[c.mean] > 0 and _room(there, c) > 0.01 * min(_room(prices, c), 0.1) for c in cones):
            return np.asarray(there)
    return prices


def _room(prices: Floats, cone: Cone) -> float:
    """How far inside the cone, 1 on its axis and 0 on its surface."""
    price, w = float(prices[cone.mean]), prices[cone.factors]
    return 1.0 - float(w @ w) / max(price**2, 1e-300)


def _inside(prices: Floats, cones: Sequence[Cone]) -> Floats:
    """Prices with every w drawn back to its cone."""
    out = prices.copy()
    for cone in cones:
        length = float(np.linalg.norm(out[cone.factors]))
        out[cone.factors] *= min(1.0, float(out[cone.mean]) / max(length, 1e-300))
    return out


def _unit(w: Floats) -> Floats:
    return np.asarray(w / max(float(np.linalg.norm(w)), 1e-300))


def _factors(g: int, cones: Sequence[Cone]) -> NDArray[np.bool_]:
    free = np.zeros(g, dtype=np.bool_)
    for cone in cones:
        free[cone.factors] = True
    return free
