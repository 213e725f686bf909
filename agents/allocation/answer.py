"""From stored probabilities and the bound proved for them to the `Allocation` that is handed out, judged on the way."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.allocation.inputs import Program
from agents.allocation.result import Allocation
from agents.allocation.rows import Floats

__all__ = ["Proved", "Stored", "answered", "stored"]


@dataclass(frozen=True, eq=False)
class Stored:
    """Probabilities (n, k) as float32, and what users are worth and use by them. violation: relative, the largest."""

    probs: NDArray[np.float32]
    value: float
    usage: Floats  # (g,)
    slack: Floats  # (g,)
    violation: float


@dataclass(frozen=True, eq=False)
class Proved:
    """Prices (g,) of the expanded rows, the bound they prove, and what the shares are worth before they are stored.

    spread: the scale of value. allowed: relative excess over a limit that storage forces, beyond 1e-9.
    randomised: users (u,) and their probabilities (u, k) before storage.
    """

    names: Sequence[str]
    prices: Floats
    bound: float
    exact: float
    spread: float
    randomised: tuple[NDArray[np.intp], Floats]
    n_randomised: int
    allowed: float = 0.0


def stored(program: Program, probs: NDArray[np.float32], flip: Floats, stated: Floats, size: Floats) -> Stored:
    """What the program's users are worth and use. flip, stated, size: (g,) sense, limit and scale of each row."""
    value, usage = program.totals(probs)
    slack = flip * (stated - usage)
    return Stored(probs, value, usage, slack, float((np.maximum(-slack, 0.0) / size).max(initial=0.0)))


def answered(held: Stored, proof: Proved, tol: float, passes: int, began: float) -> Allocation:
    """`optimal` if bound and value meet within `tol` and rows are kept, else `inaccurate`. began: by the clock."""
    bound, exact = proof.bound, proof.exact
    size = max(abs(bound) if np.isfinite(bound) else 0.0, proof.spread)
    lost = max(exact - held.value, 0.0) + 1e-15 * size
    good = bound - exact <= tol * size and bound - held.value <= tol * size + lost
    return Allocation(
        probs=held.probs,
        row_names=tuple(proof.names),
        prices=proof.prices,
        usage=held.usage,
        slack=held.slack,
        value=held.value,
        bound=bound,
        gap=(bound - exact) / size,
        max_violation=held.violation,
        status="optimal" if good and held.violation <= 1e-9 + proof.allowed else "inaccurate",
        infeasibility=None,
        n_randomised=proof.n_randomised,
        rounding_loss_bound=lost,
        passes=passes,
        seconds=time.perf_counter() - began,
        before_storage=proof.randomised,
    )
