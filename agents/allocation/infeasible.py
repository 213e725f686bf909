"""Phase one: the least total excess over the limits, and the weights that prove it cannot be less.

Farkas: if some weights >= 0 on the rows make the least weighted usage exceed the weighted limit, no
probabilities keep every row. The search for those weights is the same search, with every value at 0 and usage
beyond a limit for sale at price 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from agents.allocation.box import Box
from agents.allocation.inputs import Program
from agents.allocation.oracle import scan
from agents.allocation.result import Infeasibility
from agents.allocation.rows import Floats
from agents.allocation.search import search
from agents.allocation.stack import Stack

__all__ = ["Proof", "contradiction", "explain", "largest_floor"]

_FLOOR_CUTS = 30
_CERTAIN = 1e-9  # of the spread: less excess than this is rounding, not a contradiction


def valueless(stack: Stack) -> Stack:
    """The same rows with nothing to gain."""
    return replace(stack, value=np.where(np.isfinite(stack.value), 0.0, -np.inf), constant=0.0)


def _unit(stack: Stack) -> float:
    return float(max(stack.value_spread, np.abs(stack.row_size).max(initial=0.0) * 1e-3))


@dataclass(frozen=True, eq=False)
class Proof:
    """Farkas weights (g,) in scaled units, and the box whose primal has the least excess."""

    weights: Floats
    box: Box
    passes: int


def contradiction(stack: Stack, weights: Floats) -> Proof | None:
    """The proof that the rows cannot all be kept, looked for from `weights` (g,); None when they can."""
    bare = valueless(stack)
    most = max(float(weights.max(initial=0.0)), 1e-300)
    found = search(bare, np.minimum(weights / most, 1.0), 1e-10, cap=1.0)
    if found.box is None or found.lowest.bound >= -_CERTAIN * _unit(stack):
        return None
    return Proof(found.lowest.prices, found.box, found.passes)


def largest_floor(program: Program, weights: Floats) -> float | None:
    """The largest share of the asked floors with which the rows can be kept; None if not even without floors.

    For fixed Farkas weights the proof is linear in the share, so its root cuts off every larger share: Newton's
    method on a convex piecewise linear function, which ends after finitely many cuts. weights: for share 1.
    """
    _, bare = program.stacked(0.0)
    if contradiction(bare, np.ones_like(bare.limit)) is not None:
        return None
    share, (_, stack) = 1.0, program.stacked()
    for _ in range(_FLOOR_CUTS):
        plain = weights * stack.scale  # the same weights in the caller's units
        without = scan(valueless(bare), plain / bare.scale).bound
        with_floor = scan(valueless(stack), weights).bound
        share *= max(0.0, without / max(without - with_floor, 1e-300))
        _, stack = program.stacked(share)
        proof = contradiction(stack, weights)
        if proof is None:
            break
        weights = proof.weights
    return share


def explain(stack: Stack, weights: Floats, box: Box, largest_floor: float | None = None) -> Infeasibility:
    """The proof in numbers and in words, in the caller's units."""
    share = weights / weights.sum()
    least = stack.stated + stack.flip * (stack.least - stack.limit) / stack.scale
    violation = box.primal.over / stack.scale
    return Infeasibility(
        multipliers=weights * stack.scale,
        share=share,
        violation=violation,
        least_usage=least,
        words=_words(stack, share, least, violation, largest_floor),
        largest_floor=largest_floor,
    )


def _words(stack: Stack, share: Floats, least: Floats, violation: Floats, largest_floor: float | None) -> str:
    order = [int(g) for g in np.argsort(-share, kind="stable") if share[g] > 5e-4]
    proof = ", ".join(f"{stack.names[g]} {share[g]:.3g}" for g in order)
    top = order[0]
    alone = stack.flip[top] * (least[top] - stack.stated[top]) > 0
    if alone:
        extreme = "least" if stack.flip[top] > 0 else "most"
        head = f"the {extreme} usage any choice of arms allows is {least[top]:.6g}"
    else:
        excess = ", ".join(f"{stack.names[g]} {violation[g]:.6g}" for g in order if violation[g] > 0)
        head = f"it contradicts the other rows, least excess {excess or 'spread over rows'}"
    if alone:
        unused = np.flatnonzero(~np.isfinite(stack.value).any(axis=1))
        head += "".join(f", and arm {arm} is allowed to nobody" for arm in unused)
    way_out = "Raise the limit or drop a guardrail."
    if largest_floor is not None:
        way_out = f"Without a floor it can: lower the floor to {largest_floor:.4g} of what was asked."
    return (
        f"{stack.names[top]}: limit {stack.stated[top]:.6g} cannot be met: {head} "
        f"(proof of infeasibility: {proof}). {way_out}"
    )
