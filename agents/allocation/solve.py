"""`allocate`: expected values and guardrails in, the best probabilities that keep them out, with the proof.

Lagrangian relaxation with exact recovery: Everett (1963) for the prices, Dyer (1984) for why at most g units
are randomised.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agents.allocation.answer import Proved, Stored, answered, stored
from agents.allocation.conic import Asked, by_cones
from agents.allocation.infeasible import explain, largest_floor
from agents.allocation.inputs import Program, checked, starting_prices
from agents.allocation.outcome import Outcome, solved
from agents.allocation.own_answer import by_vertices
from agents.allocation.own_rows import chosen
from agents.allocation.result import Allocation
from agents.allocation.robust import by_tangents
from agents.allocation.rounding import Rounded, round_to_grid
from agents.allocation.rows import Floats, Linear, Robust
from agents.allocation.stack import Stack, build
from agents.allocation.units import Units

__all__ = ["allocate"]


def allocate(
    value: NDArray[np.floating],
    rows: Sequence[Linear | Robust],
    action_mask: NDArray[np.integer] | NDArray[np.bool_] | None = None,
    unit: NDArray[np.integer] | None = None,
    *,
    floor: float | NDArray[np.floating] = 0.0,
    tol: float = 1e-9,
    prices0: Floats | None = None,
    seed: int = 0,
) -> Allocation:
    """Probabilities (n, k) of highest expected value among all that keep every row.

    value: (n, k) expected value of each arm, finite. action_mask: (n, k), 0 where an arm is not allowed.
    unit: (n,) ids >= 0; users of a unit share probabilities, except those whom the mask leaves a single arm.
    floor: least probability of every allowed arm, a number or (n,); a unit takes the largest of its users'.
    tol: relative gap between value and proven bound. prices0: (g,) prices of a similar program, to start from.
    seed: draws the sample on which cold starts begin. Raises InputError or GuardrailError for input that
    breaks a rule; rows that cannot be met come back as status `infeasible` with their proof.
    """
    began = time.perf_counter()
    value, mask = checked(value, rows, action_mask, unit, floor)

    def linear(stated: Sequence[Linear], prices: Floats | None) -> Allocation:
        return _plain(Program(value, stated, mask, unit, floor), prices, tol, seed, began)

    if any(isinstance(row, Robust) for row in rows):
        asked = Asked(value, rows, mask, unit, floor, tol, seed, began)
        return by_cones(asked) or by_tangents(rows, linear, prices0)
    return linear([row for row in rows if isinstance(row, Linear)], prices0)


def _plain(program: Program, prices0: Floats | None, tol: float, seed: int, began: float) -> Allocation:
    """The allocation under linear rows."""
    units = program.units()
    own = chosen(program.rows, units)
    if own is not None:
        return by_vertices(program, units, own, prices0, tol, seed, began)
    stack = build(program.value, program.rows, units)
    outcome = solved(stack, starting_prices(stack, prices0), tol, seed)
    if outcome.farkas is not None:
        return _refusal(program, units, stack, outcome, began)
    return _answer(program, units, stack, outcome, tol, began)


def _answer(program: Program, units: Units, stack: Stack, outcome: Outcome, tol: float, began: float) -> Allocation:
    """Probabilities, their usage as stored, and how far their value may be from the best."""
    assert outcome.found is not None
    rounded = round_to_grid(stack, units, outcome.box)
    lowest = outcome.found.lowest
    proof = Proved(
        stack.names,
        lowest.prices * stack.scale,
        lowest.bound + stack.constant,
        rounded.primal.value + stack.constant,
        stack.value_spread,
        rounded.users(units),
        rounded.n_randomised,
        rounded.quantum,
    )
    return answered(_stored(program, units, stack, rounded), proof, tol, outcome.passes, began)


def _refusal(program: Program, units: Units, stack: Stack, outcome: Outcome, began: float) -> Allocation:
    """The proof that the rows cannot be kept, beside the probabilities that break them least."""
    assert outcome.farkas is not None
    largest = None
    if units.floor.any():
        largest = largest_floor(program, outcome.farkas)
    rounded = round_to_grid(stack, units, outcome.box)
    held = _stored(program, units, stack, rounded)
    return Allocation(
        probs=held.probs,
        row_names=stack.names,
        prices=np.zeros_like(held.usage),
        usage=held.usage,
        slack=held.slack,
        value=held.value,
        bound=-np.inf,
        gap=np.inf,
        max_violation=held.violation,
        status="infeasible" if largest is None else "floor_infeasible",
        infeasibility=explain(stack, outcome.farkas, outcome.box, largest),
        n_randomised=rounded.n_randomised,
        rounding_loss_bound=0.0,
        passes=outcome.passes,
        seconds=time.perf_counter() - began,
    )


def _stored(program: Program, units: Units, stack: Stack, rounded: Rounded) -> Stored:
    """The rounded probabilities by user; an excess counts relative to limit or spread, whichever is larger."""
    probs = np.ascontiguousarray(units.spread(rounded.probs(units)))
    size = np.maximum(np.abs(stack.stated), np.maximum(stack.row_spread / stack.scale, 1e-300))
    return stored(program, probs, stack.flip, stack.stated, size)
