"""The allocation where units have limits of their own: shared rows over vertices, then back to arms and to the grid."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from agents.allocation.answer import Proved, answered, stored
from agents.allocation.inputs import Program
from agents.allocation.outcome import Outcome, solved
from agents.allocation.own_program import Asked, labels, own_priced, sides, sizes_of
from agents.allocation.own_proof import WAY, own_proof, shared_proof
from agents.allocation.own_rows import Own, Vertices, extended, own_of, vertices_of
from agents.allocation.own_steps import exact_shares, stored_steps
from agents.allocation.result import GRID, Allocation, Infeasibility
from agents.allocation.rows import Floats
from agents.allocation.stack import build, distinct
from agents.allocation.units import Units

__all__ = ["by_vertices"]

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
    who, exact = exact_shares(vertices, units, primal)
    steps = stored_steps(asked, vertices, outcome, who, exact)
    probs = np.ascontiguousarray(units.spread(((units.allowed * units.floor).T + steps).astype(np.float64) / GRID))
    flip, stated = sides(asked.program.rows)
    held = stored(asked.program, probs.astype(np.float32), flip, stated, sizes_of(asked, stated))
    prices, bound = np.zeros(len(asked.names)), -np.inf
    if outcome.found is not None:
        prices[~asked.is_own] = outcome.found.lowest.prices * stack.scale
        prices[asked.is_own], bound = own_priced(asked, outcome.found.lowest.prices)
    proof = Proved(
        asked.names,
        prices,
        bound,
        primal.value + stack.constant,
        stack.value_spread,
        _by_user(units, who, exact),
        int(((exact > 0) & (exact < 1)).any(axis=1).sum()),
    )
    return answered(held, proof, asked.tol, outcome.passes, asked.began)


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
