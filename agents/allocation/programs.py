"""The two small programs, stated in cvxpy: the bundle master and the finishing LP. cvxpy is imported here only.

Both are parametrised and padded, so that each shape is compiled once in a process and solved many times.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from agents.allocation.rows import Floats
from rage_env.errors import RunError

__all__ = ["CUTS", "Choice", "finish", "master"]

CUTS = 24
"""Rows of the master's padded bundle."""

_COMPILED_ENTRIES = 12_000
"""Above this many entries a finishing LP is stated with constants: parameters would compile for too long."""

_EXACT = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
_Cvx = Any  # cvxpy ships no types


def _solved(problem: _Cvx, what: str, **options: float) -> None:
    problem.solve(solver="HIGHS", warm_start=False, **options)  # a warm start would make answers depend on history
    if problem.status != "optimal":
        raise RunError(f"{what}: the solver answered {problem.status!r}, expected 'optimal'. Rescale the beliefs.")


@functools.lru_cache(maxsize=16)
def _master(g: int) -> Callable[[Floats, Floats, Floats, Floats], tuple[Floats, float]]:
    import cvxpy as cp

    prices, height = cp.Variable(g), cp.Variable()
    slopes, offsets = cp.Parameter((CUTS, g)), cp.Parameter(CUTS)
    low, high = cp.Parameter(g), cp.Parameter(g)
    problem = cp.Problem(cp.Minimize(height), [height >= slopes @ prices + offsets, prices >= low, prices <= high])

    def solve(slope: Floats, offset: Floats, lo: Floats, hi: Floats) -> tuple[Floats, float]:
        slopes.value, offsets.value, low.value, high.value = slope, offset, lo, hi
        _solved(problem, f"bundle master with {g} rows")
        return np.clip(np.asarray(prices.value, dtype=np.float64), lo, hi), float(problem.value)

    return solve


def master(slopes: Floats, offsets: Floats, low: Floats, high: Floats) -> tuple[Floats, float]:
    """Prices in the box where the highest of the cuts is lowest, and that height: a bound from below on the dual.

    slopes: (c, g), offsets: (c,), 1 <= c <= CUTS.
    """
    pad = CUTS - len(offsets)
    return _master(slopes.shape[1])(
        np.concatenate([slopes, np.repeat(slopes[:1], pad, axis=0)]),
        np.concatenate([offsets, np.repeat(offsets[:1], pad)]),
        low,
        high,
    )


@dataclass(frozen=True, eq=False)
class Choice:
    """What the undecided may still switch to: u classes of alike units, s switches away from their best arm."""

    gain: Floats  # (u, s) value gained by the switch
    use: Floats  # (g, u, s) usage added by it
    size: Floats  # (u,) units in each class
    room: Floats  # (g,) what the rows have left when nobody switches
    low: Floats  # (g,) price paid for room not used
    high: Floats  # (g,) price of usage beyond the room


def finish(choice: Choice) -> tuple[Floats, Floats]:
    """How many units make each switch, (u, s), and the prices (g,), best inside the box low..high of prices.

    A price box on the dual is elastic room on the primal: usage beyond the room costs `high`, room left over
    earns `low`. Inside the box both are 0 and the answer is that of the whole program.
    """
    g, u, s = choice.use.shape
    if g * u * s > _COMPILED_ENTRIES:
        return _Statement(choice, s).solve(choice, f"finishing LP of {u} classes")
    padded = 1 << max(5, (u - 1).bit_length())
    return _compiled(g, padded, s).solve(_pad(choice, padded - u), f"finishing LP of {u} classes", u)


def _pad(choice: Choice, more: int) -> Choice:
    """Classes of size 0 at the end."""
    axis = {"gain": 0, "use": 1, "size": 0}
    grown = {}
    for name in (f.name for f in fields(choice)):
        array = getattr(choice, name)
        widths = [(0, more if i == axis.get(name) else 0) for i in range(array.ndim)]
        grown[name] = np.pad(array, widths)
    return Choice(**grown)


@functools.lru_cache(maxsize=32)
def _compiled(g: int, u: int, s: int) -> _Statement:
    import cvxpy as cp

    flat = u * s
    return _Statement(
        Choice(cp.Parameter(flat), cp.Parameter((g, flat)), cp.Parameter(u), *(cp.Parameter(g) for _ in range(3))), s
    )


class _Statement:
    """One finishing LP in cvxpy, over parameters (compiled once) or over the numbers of one choice."""

    def __init__(self, over: Choice, switches: int) -> None:
        import cvxpy as cp
        from scipy import sparse

        self._over = over
        numbers = isinstance(over.gain, np.ndarray)
        gain = over.gain.ravel() if numbers else over.gain
        use = sparse.csr_array(over.use.reshape(over.use.shape[0], -1)) if numbers else over.use
        self._switched = cp.Variable(gain.shape[0], nonneg=True)
        g = over.room.shape[0]
        beyond, left = cp.Variable(g, nonneg=True), cp.Variable(g, nonneg=True)
        per_class = sparse.kron(sparse.eye_array(over.size.shape[0]), np.ones((1, switches)), format="csr")
        self._row = use @ self._switched - beyond + left == over.room
        worth = gain @ self._switched - over.high @ beyond + over.low @ left
        self._problem = cp.Problem(cp.Maximize(worth), [self._row, per_class @ self._switched <= over.size])

    def solve(self, choice: Choice, what: str, keep: int | None = None) -> tuple[Floats, Floats]:
        """Switches (u, s) and prices (g,) for one choice."""
        shape = choice.gain.shape
        if not isinstance(self._over.gain, np.ndarray):
            for name in (f.name for f in fields(choice)):
                parameter = getattr(self._over, name)
                parameter.value = getattr(choice, name).reshape(parameter.shape)
        _solved(self._problem, what, **_EXACT)
        prices = np.clip(self._row.dual_value, choice.low, choice.high)
        return np.asarray(self._switched.value).reshape(shape)[:keep], prices
