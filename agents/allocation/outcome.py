"""Where the search ends: exact prices and shares, or the proof that the rows contradict each other."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from agents.allocation.box import Box
from agents.allocation.focus import focused
from agents.allocation.infeasible import contradiction
from agents.allocation.rows import Floats
from agents.allocation.search import Search, search
from agents.allocation.stack import Stack
from agents.allocation.start import first_prices
from rage_env.errors import RunError

__all__ = ["Outcome", "solved"]


@dataclass(frozen=True, eq=False)
class Outcome:
    """Where the search ended; with `farkas` weights (g,) when the rows contradict each other."""

    box: Box
    found: Search | None
    farkas: Floats | None
    passes: int


def solved(stack: Stack, start: Floats | None, tol: float, seed: int) -> Outcome:
    """The search from prices `start` (g,), or where the rows contradict each other, the contradiction."""
    excess = stack.least - stack.limit
    broken = np.where(excess > 1e-9 * np.maximum(stack.row_size, stack.row_spread), 1.0, 0.0)
    passes, found = 1, None
    if not broken.any():
        cold = start is None or (stack.code is not None and len(stack.coef) == 1)  # exact prices cost one pass there
        found = focused(stack, first_prices(stack, seed) if cold or start is None else start, tol)
        passes += found.passes
        if found.box is not None:
            return Outcome(found.box, found, None, passes)
        broken = found.lowest.prices
    proof = contradiction(stack, broken)
    if proof is not None:
        return Outcome(proof.box, None, proof.weights, passes + proof.passes)
    for lifted in (0.0, 2e-9):  # limits at the very edge of what is possible may be missed by rounding
        edge = replace(stack, limit=stack.limit + lifted * np.maximum(stack.row_size, stack.row_spread))
        found = search(edge, np.minimum(broken, 200.0), tol, runaway=np.inf)
        if found.box is not None:
            return Outcome(found.box, found, None, passes + found.passes)
    raise RunError(f"allocation: no proof either way for rows {list(stack.names)[:6]}. Rescale the coefficients.")
