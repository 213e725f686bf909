"""The allocation under robust rows, from their cones: exact shares first, then stored with every row kept."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from agents.allocation.cone import Cone, Coned, coned, lifted_rows, one_scale
from agents.allocation.inputs import Program
from agents.allocation.result import Allocation
from agents.allocation.rounding import Rounded, polished, room_for_rounding, round_to_grid
from agents.allocation.rows import Floats, Linear, Robust
from agents.allocation.stack import Stack
from agents.allocation.units import Units

__all__ = ["Asked", "by_cones", "pull_of", "size_of"]

_MARGINS = (0.05, 0.2, 1.0, 4.0, 16.0, 64.0)


@dataclass(frozen=True, eq=False)
class Asked:
    """What the caller of `allocate` asked for, checked."""

    value: Floats  # (n, k)
    rows: Sequence[Linear | Robust]
    mask: NDArray[np.bool_]
    unit: NDArray[np.integer] | None
    floor: float | NDArray[np.floating]
    tol: float
    seed: int
    began: float


def by_cones(asked: Asked) -> Allocation | None:
    """The allocation, or None where it is not exact to the tolerance: segments, contradictions, failed steps."""
    linear, cones = lifted_rows(asked.rows)
    units, stack = Program(asked.value, linear, asked.mask, asked.unit, asked.floor).stacked()
    if stack.code is not None:
        return None
    stack = one_scale(stack, cones)
    found = coned(stack, cones, asked.tol, asked.seed)
    if found is None:
        return None
    found = replace(found, box=polished(found.stack, found.box))
    exact = found.box.primal.value
    size = max(abs(found.bound + stack.constant), stack.value_spread)
    loose = found.box.primal.over > 1e-10 * found.stack.row_spread
    if loose.any() or found.bound - exact > asked.tol * size:
        return None
    rounded = _stored(asked, units, found, cones)
    return None if rounded is None else _answer(asked, units, stack, found, cones, rounded)


def _stored(asked: Asked, units: Units, found: Coned, cones: Sequence[Cone]) -> Rounded | None:
    """Shares on the grid. Rounding may push F'x off its direction, so each robust row keeps room for that."""
    quantum = room_for_rounding(found.stack, units, found.box)
    for factor in _MARGINS:
        limit = found.stack.limit.copy()
        for at, cone in zip(found.along, cones, strict=True):
            across = np.abs(found.turn[:, cone.factors]).any(axis=1) & found.stack.free
            limit[at] -= factor * quantum[across].sum()
        rounded = round_to_grid(replace(found.stack, limit=limit), units, found.box)
        probs = units.spread(rounded.probs(units)).astype(np.float64)
        if all(pull_of(row, probs)[0] <= row.limit for row in asked.rows if isinstance(row, Robust)):
            return replace(rounded, primal=found.box.primal)
    return None


def _answer(
    asked: Asked, units: Units, stack: Stack, found: Coned, cones: Sequence[Cone], rounded: Rounded
) -> Allocation:
    probs = np.ascontiguousarray(units.spread(rounded.probs(units)))
    plain = [row for row in asked.rows if isinstance(row, Linear)]
    value, used = Program(asked.value, plain, asked.mask, asked.unit, asked.floor).totals(probs)
    is_robust = [isinstance(row, Robust) for row in asked.rows]
    usage = np.empty(len(asked.rows))
    usage[~np.array(is_robust)] = used
    usage[is_robust] = [pull_of(row, probs)[0] for row in asked.rows if isinstance(row, Robust)]
    keep = np.flatnonzero(~stack.free)
    flip = stack.flip[keep]
    slack = flip * (stack.stated[keep] - usage)
    spread = stack.row_spread[keep] / stack.scale[keep]
    worst = float((np.maximum(-slack, 0) / np.maximum(np.abs(stack.stated[keep]), np.maximum(spread, 1e-300))).max())
    bound, exact = found.bound + stack.constant, rounded.primal.value + stack.constant
    size = max(abs(bound), stack.value_spread)
    names = [row.name for row, robust in zip(asked.rows, is_robust, strict=True) if robust]
    toward = [found.lowest[c.factors] / max(float(found.lowest[c.mean]), 1e-300) for c in cones]
    return Allocation(
        probs=probs,
        row_names=tuple(stack.names[i] for i in keep),
        prices=(found.lowest * stack.scale)[keep],
        usage=usage,
        slack=slack,
        value=value,
        bound=bound,
        gap=(bound - exact) / size,
        max_violation=worst,
        status="optimal" if worst <= 1e-9 + rounded.quantum else "inaccurate",
        infeasibility=None,
        n_randomised=rounded.n_randomised,
        rounding_loss_bound=max(exact - value, 0.0) + 1e-15 * size,
        passes=found.passes,
        seconds=time.perf_counter() - asked.began,
        directions=dict(zip(names, toward, strict=True)),
        before_storage=rounded.users(units),
    )


def pull_of(row: Robust, probs: NDArray[np.floating]) -> tuple[float, Floats]:
    """Usage of a robust row, and the direction in which beliefs would have to err for it."""
    p = probs.astype(np.float64)
    pull = p.ravel() @ np.asarray(row.factor, dtype=np.float64).reshape(p.size, -1)
    length = float(np.linalg.norm(pull))
    used = float(np.einsum("nk,nk->", p, np.asarray(row.mean, dtype=np.float64))) + row.radius * length
    return used, pull / max(length, 1e-300)


def size_of(row: Robust) -> float:
    """The number that violations of the row are relative to."""
    return max(abs(row.limit), float(np.ptp(row.mean, axis=1).sum()), 1e-300)
