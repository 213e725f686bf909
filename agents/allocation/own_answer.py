"""The allocation where units have limits of their own: shared rows over vertices, then back to arms and to the grid.

Whoever sits on a mixture is rounded towards the arm that keeps the limit. What that moves the shared rows by is taken
up by the few units between vertices, together with some of the mixed ones, each under its own limit.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from agents.allocation.box import Primal
from agents.allocation.few import Few, rounded_few
from agents.allocation.inputs import Program
from agents.allocation.outcome import Outcome, solved
from agents.allocation.own_program import Asked, labels, own_priced, sides, sizes_of
from agents.allocation.own_proof import WAY, own_proof, shared_proof
from agents.allocation.own_rows import Own, Vertices, extended, own_of, vertices_of
from agents.allocation.result import GRID, Allocation, Infeasibility
from agents.allocation.rows import Floats
from agents.allocation.stack import build, distinct
from agents.allocation.units import Units

__all__ = ["by_vertices"]

_JOINED = (0, 8, 64, 512)
"""Mixed units that help to take up the rounding of the others, in the order tried."""

_NOISE = 1e-14
_HALVINGS = 20


def by_vertices(
    program: Program, units: Units, own: tuple[int, Own], prices0: Floats | None, tol: float, seed: int, began: float
) -> Allocation:
    """The allocation when row `own[0]` gives units limits of their own."""
    answer, proof = _tried(program, units, own, prices0, tol, seed, began)
    if proof is None:
        return answer
    largest = _largest_floor(program, own[0], tol, seed) if units.floor.any() else None
    if largest is not None:
        way = f"Without a floor it can: lower the floor to {largest:.4g} of what was asked."
        proof = replace(proof, largest_floor=largest, words=proof.words.replace(WAY, way))
    return replace(
        answer,
        status="infeasible" if largest is None else "floor_infeasible",
        prices=np.zeros_like(answer.prices),
        bound=-np.inf,
        gap=np.inf,
        rounding_loss_bound=0.0,
        infeasibility=proof,
    )


def _tried(
    program: Program, units: Units, own: tuple[int, Own], prices0: Floats | None, tol: float, seed: int, began: float
) -> tuple[Allocation, Infeasibility | None]:
    """The allocation, and why not all rows can be kept where they cannot."""
    at, mine = own
    stack = build(program.value, [row for i, row in enumerate(program.rows) if i != at], units)
    named = [labels(row) for row in program.rows]
    is_own = np.concatenate([np.full(len(names), i == at) for i, names in enumerate(named)])
    least = np.min(mine.coef, axis=0, where=units.allowed, initial=np.inf)
    lifted = replace(mine, room=np.maximum(mine.room, least))
    asked = Asked(program, units, lifted, stack, distinct([n for row in named for n in row]), is_own, tol, began)
    vertices = vertices_of(lifted, units)
    start = None
    if prices0 is not None and np.shape(prices0) == is_own.shape:
        start = np.maximum(np.asarray(prices0, dtype=np.float64)[~is_own], 0.0) / stack.scale
    outcome = solved(extended(stack, vertices), start, tol, seed)
    answer = _answer(asked, vertices, outcome)
    over, impossible = mine.decided.copy(), np.flatnonzero(least > mine.room)
    over[mine.of[impossible]] = least[impossible] - mine.room[impossible]
    if (over > 0).any():
        return answer, own_proof(asked, over)
    return answer, None if outcome.farkas is None else shared_proof(asked, vertices, outcome)


def _answer(asked: Asked, vertices: Vertices, outcome: Outcome) -> Allocation:
    """Probabilities over arms as stored, judged over users."""
    units, stack, primal = asked.units, asked.stack, outcome.box.primal
    who, exact = _exact(vertices, units, primal)
    steps = _stored(asked, vertices, outcome, who, exact)
    probs = np.ascontiguousarray(units.spread(((units.allowed * units.floor).T + steps).astype(np.float64) / GRID))
    stored = probs.astype(np.float32)
    value, usage = asked.program.totals(stored)
    prices = np.zeros(len(asked.names))
    worth, bound = primal.value + stack.constant, -np.inf
    if outcome.found is not None:
        prices[~asked.is_own] = outcome.found.lowest.prices * stack.scale
        prices[asked.is_own], bound = own_priced(asked, outcome.found.lowest.prices)
    flip, stated = sides(asked.program.rows)
    slack = flip * (stated - usage)
    size = max(abs(bound) if np.isfinite(bound) else 0.0, stack.value_spread)
    violation = float((np.maximum(-slack, 0.0) / sizes_of(asked, stated)).max(initial=0.0))
    lost = max(worth - value, 0.0) + 1e-15 * size
    good = bound - worth <= asked.tol * size and bound - value <= asked.tol * size + lost and violation <= 1e-9
    users, before = _by_user(units, who, exact)
    return Allocation(
        probs=stored,
        row_names=asked.names,
        prices=prices,
        usage=usage,
        slack=slack,
        value=value,
        bound=bound,
        gap=(bound - worth) / size,
        max_violation=violation,
        status="optimal" if good else "inaccurate",
        infeasibility=None,
        n_randomised=int(((exact > 0) & (exact < 1)).any(axis=1).sum()),
        rounding_loss_bound=lost,
        passes=outcome.passes,
        seconds=time.perf_counter() - asked.began,
        before_storage=(users, before),
    )


def _exact(vertices: Vertices, units: Units, primal: Primal) -> tuple[NDArray[np.intp], Floats]:
    """Units that are randomised, those between vertices first, and their shares of arms as real numbers (q, k)."""
    k = len(vertices.plain)
    between = ((primal.shares > 0) & (primal.shares < 1)).any(axis=1)
    best = primal.best.copy()
    best[primal.units] = primal.arms[np.arange(len(primal.units)), primal.shares.argmax(axis=1)]
    loose = primal.units[between]
    mixed = best >= k
    mixed[loose] = False
    others = np.flatnonzero(mixed)
    who = np.concatenate([loose, others])
    over_loose = _over_arms(vertices, loose, primal.arms[between], primal.shares[between], k)
    over_others = _over_arms(vertices, others, best[others][:, None], np.ones((len(others), 1)), k)
    return who, np.concatenate([over_loose, over_others])


def _over_arms(vertices: Vertices, who: NDArray[np.intp], at: NDArray[np.intp], given: Floats, k: int) -> Floats:
    """(u, k) shares of arms when units `who` are given vertices `at` (u, s) by shares `given` (u, s)."""
    shares, rows = np.zeros((len(who), k)), np.arange(len(who))
    for s in range(at.shape[1]):
        first, second = vertices.parts(who, at[:, s])
        part = vertices.shares(who, at[:, s])
        np.add.at(shares, (rows, first), given[:, s] * (1.0 - part))
        np.add.at(shares, (rows, second), given[:, s] * part)
    return shares


def _stored(
    asked: Asked, vertices: Vertices, outcome: Outcome, who: NDArray[np.intp], exact: Floats
) -> NDArray[np.int64]:
    """(m, k) grid steps beside the floors: every own limit kept, and the shared rows too where they can be."""
    units, primal, m, k = asked.units, outcome.box.primal, asked.stack.m, len(vertices.plain)
    free = np.asarray(GRID - units.floor * units.allowed.sum(axis=0))
    best = primal.best.copy()
    best[primal.units] = primal.arms[np.arange(len(primal.units)), primal.shares.argmax(axis=1)]
    steps = np.zeros((m, k), dtype=np.int64)
    first, second = vertices.parts(np.arange(m), best)
    part = vertices.shares(np.arange(m), best)
    up = _floored(asked.own, first, second, part, free)
    steps[np.arange(m), first] += free - up
    steps[np.arange(m), second] += up
    if outcome.farkas is not None or not len(who):
        return steps
    loose = int(((primal.shares > 0) & (primal.shares < 1)).any(axis=1).sum())
    for joined in _JOINED:
        few = Few(who[: loose + joined], exact[: loose + joined])
        if not len(few.units):
            over, found = _shared_excess(asked, steps, free), steps[few.units]
        else:
            found, over = rounded_few(asked.stack, units, asked.own, few, steps, free)
        if over == 0 or loose + joined >= len(who):
            break
    steps[few.units] = found
    return steps


def _shared_excess(asked: Asked, steps: NDArray[np.int64], free: NDArray[np.int64]) -> float:
    """How far stored shares exceed the shared rows."""
    stack = asked.stack
    share, usage = steps.T / np.maximum(free, 1), np.zeros_like(stack.limit)
    for r in range(len(stack.coef)):
        stack.charge(r, (stack.coef[r] * share).sum(axis=0), slice(None), usage)
    return float(np.maximum(usage - stack.limit + _NOISE * stack.row_size, 0.0).sum())


def _floored(
    own: Own, first: NDArray[np.intp], second: NDArray[np.intp], part: Floats, free: NDArray[np.int64]
) -> NDArray[np.int64]:
    """(m,) steps of the second arm, as many as the unit's limit surely holds."""
    at = np.arange(len(first))
    up = np.floor(part * free).astype(np.int64)
    low, high = own.coef[first, at], own.coef[second, at]
    used = low + (high - low) * up / np.maximum(free, 1)
    return np.asarray(np.where((up > 0) & (used > own.room - _NOISE * own.size), up - 1, up))


def _by_user(units: Units, who: NDArray[np.intp], shares: Floats) -> tuple[NDArray[np.intp], Floats]:
    """Users of the randomised units, and their probabilities before storage."""
    probs = (units.allowed[:, who] * units.floor[who]).T / GRID + shares * units.weight[who][:, None]
    if units.of is None:
        order = np.argsort(who)
        return who[order], probs[order]
    place = np.full(units.allowed.shape[1], -1)
    place[who] = np.arange(len(who))
    users = np.flatnonzero(place[units.of] >= 0)
    return users, probs[place[units.of[users]]]


def _largest_floor(program: Program, at: int, tol: float, seed: int) -> float | None:
    """The largest share of the asked floors with which every row can be kept, to a millionth; None if not even 0."""

    def kept(share: float) -> bool:
        less = replace(program, floor=share * np.asarray(program.floor, dtype=np.float64))
        units = less.units()
        own = own_of(program.rows[at], units)
        assert own is not None
        return _tried(less, units, (at, own), None, tol, seed, 0.0)[1] is None

    if not kept(0.0):
        return None
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if kept(middle) else (low, middle)
    return low
