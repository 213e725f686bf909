"""One shape for every program of the week: units, arms and expanded rows in value's own units.

Rows of a unit are summed, `>=` is folded into `<=`, floors are taken out, and each row is scaled by the power of
two nearest to (spread of value / spread of usage), so that prices are of order one and scaling is exact.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.allocation.result import GRID
from agents.allocation.rows import Floats, Linear
from agents.allocation.units import Units

__all__ = ["Stack", "build", "distinct"]


@dataclass(frozen=True, eq=False)
class Stack:
    """The floored, scaled program: maximise `sum value * y`, `sum coef * y <= limit`, y in a simplex per unit.

    Base row r charges unit i to the expanded row `code[r, i]`; a cohort row charges everybody to one.
    """

    value: Floats  # (k, m), -inf where not allowed
    coef: Floats  # (r, k, m)
    code: NDArray[np.intp] | None  # (r, m); None when base rows and expanded rows are the same
    limit: Floats  # (g,)
    least: Floats  # (g,) least usage of each row taken alone
    scale: Floats  # (g,) powers of two: scaled row = scale * row
    names: tuple[str, ...]
    flip: Floats  # (g,) -1 for `>=` rows
    value_spread: float
    row_spread: Floats  # (g,) in value's units
    row_size: Floats  # (g,) total of the largest |coef| of each unit, for rounding allowances
    stated: Floats  # (g,) limits as the caller gave them
    constant: float  # value of the floors
    free: NDArray[np.bool_]  # (g,) rows to be met exactly, whose price may have either sign

    @property
    def lowest(self) -> Floats:
        """(g,) the least a price may be."""
        return np.where(self.free, -np.inf, 0.0)

    def excess(self, usage: Floats) -> Floats:
        """(g,) how far usage is from keeping each row, >= 0."""
        over = usage - self.limit
        return np.where(self.free, np.abs(over), np.maximum(over, 0.0))

    @property
    def m(self) -> int:
        """Units."""
        return int(self.value.shape[1])

    def price(self, r: int, prices: Floats, part: slice | NDArray[np.intp]) -> Floats | np.float64:
        """What base row r costs each unit of `part`: a number, or one for each unit."""
        if self.code is None:
            return np.float64(prices[r])
        return np.asarray(prices[self.code[r, part]], dtype=np.float64)

    def charge(self, r: int, amounts: Floats, part: slice | NDArray[np.intp], into: Floats) -> None:
        """Add base row r's `amounts` (units of part,) to the expanded rows `into` (g,)."""
        if self.code is None:
            into[r] += amounts.sum()
        else:
            into += np.bincount(self.code[r, part], weights=amounts, minlength=len(into))


@dataclass
class _Base:
    """A row before scaling: who is charged to which of its limits."""

    row: Linear
    code: NDArray[np.intp] | None  # (m,) index into limits, -1 outside
    only: NDArray[np.bool_] | None  # (n,) users it sums over; None for all
    limits: Floats
    labels: tuple[str, ...]
    flip: float

    def fill(self, units: Units, into: Floats) -> None:
        """Unscaled coefficients into (k, m), sense folded in."""
        coef = self.row.coef if self.only is None else np.where(self.only[:, None], self.row.coef, 0.0)
        units.total(coef, into)
        if self.flip < 0:
            np.negative(into, out=into)


def _base_rows(row: Linear, units: Units) -> list[_Base]:
    """A row as one base row, or as one for each segment where units straddle segments."""
    flip = -1.0 if row.sense == ">=" else 1.0
    if row.segment is None:
        return [_Base(row, None, None, np.array([flip * float(row.limit)]), (row.name,), flip)]
    codes, at = np.unique(np.where(row.segment < 0, -1, row.segment), return_inverse=True)
    outside = int(codes[0] < 0) if len(codes) else 0
    codes, at = codes[outside:], at - outside
    if not len(codes):
        return []
    limits = np.array([flip * float(row.limit if np.ndim(row.limit) == 0 else np.asarray(row.limit)[c]) for c in codes])
    labels = tuple(f"{row.name}[{c}]" for c in codes)
    only = at >= 0 if outside else None
    if units.of is None:
        return [_Base(row, at, only, limits, labels, flip)]
    first = np.full(units.allowed.shape[1], -1, dtype=np.intp)
    np.maximum.at(first, units.of, at)
    if ((at < 0) | (first[units.of] == at)).all():
        return [_Base(row, first, only, limits, labels, flip)]
    return [_Base(row, None, at == c, limits[c : c + 1], (labels[c],), flip) for c in range(len(codes))]


def build(value: NDArray[np.floating], rows: Sequence[Linear], units: Units) -> Stack:
    """The program in units, floors removed and rows scaled. value: (n, k)."""
    base = [b for row in rows for b in _base_rows(row, units)]
    shape = units.allowed.shape
    v = units.total(value)
    constant = _served(v, units).sum()
    _weigh(v, units)
    if not units.free:
        v[~units.allowed] = -np.inf
    value_spread = _spread(v, units).sum() or 1.0
    coef = np.empty((len(base), *shape))
    code = np.zeros((len(base), shape[1]), dtype=np.intp)
    parts: list[tuple[Floats, ...]] = []  # limit, scale, spread, size and least usage of each base row's expanded rows
    start = 0
    for r, b in enumerate(base):
        if b.code is not None:
            np.maximum(b.code, 0, out=code[r])
        b.fill(units, coef[r])
        parts.append(_scaled(b, coef[r], units, None if b.code is None else code[r], value_spread))
        code[r] += start
        start += len(b.limits)
    columns = [np.concatenate([p[i] for p in parts]) if parts else np.empty(0) for i in range(5)]
    limit, scale, spread, size, least = columns
    return Stack(
        value=v,
        coef=coef,
        code=None if start == len(base) else code,
        limit=limit,
        least=least,
        scale=scale,
        names=distinct([label for b in base for label in b.labels]),
        flip=np.array([b.flip for b in base for _ in b.labels]),
        value_spread=float(value_spread),
        row_spread=spread,
        row_size=size,
        stated=np.concatenate([b.flip * b.limits for b in base]) if base else np.empty(0),
        constant=float(constant),
        free=np.zeros(len(limit), dtype=np.bool_),
    )


def _served(array: Floats, units: Units) -> Floats:
    """(m,) what the floors alone add up to."""
    if not units.floor.any():
        return np.zeros(array.shape[1])
    return np.asarray(np.sum(array, axis=0, where=units.allowed) * (units.floor / GRID))


def _weigh(array: Floats, units: Units) -> None:
    """Keep of (k, m) what the probability left beside the floors can still move."""
    if units.floor.any():
        array *= units.weight


def _spread(array: Floats, units: Units) -> Floats:
    """(m,) largest less smallest entry among the allowed arms."""
    highest, lowest = _extremes(array, units)
    return np.asarray(highest - lowest)


def _extremes(array: Floats, units: Units) -> tuple[Floats, Floats]:
    """(m,) largest and smallest entry among the allowed arms."""
    if units.free:
        return np.asarray(array.max(axis=0)), np.asarray(array.min(axis=0))
    allowed = units.allowed
    return (
        np.asarray(np.max(array, axis=0, where=allowed, initial=-np.inf)),
        np.asarray(np.min(array, axis=0, where=allowed, initial=np.inf)),
    )


def _scaled(
    b: _Base, coef: Floats, units: Units, code: NDArray[np.intp] | None, value_spread: float
) -> tuple[Floats, ...]:
    """Scales coef (k, m) in place; limit, scale, spread, size and least usage of the base row's expanded rows."""
    g = len(b.limits)
    limit = b.limits - _per_row(code, _served(coef, units), g)
    _weigh(coef, units)
    highest, lowest = _extremes(coef, units)
    spread = _per_row(code, highest - lowest, g)
    ratio = value_spread / np.where(spread > 0, spread, value_spread)
    scale = np.exp2(np.round(np.log2(ratio)))
    coef *= scale[0] if code is None else scale[code]
    size = _per_row(code, np.maximum(np.abs(highest), np.abs(lowest)), g)
    return limit * scale, scale, spread * scale, size * scale, _per_row(code, lowest, g) * scale


def _per_row(code: NDArray[np.intp] | None, amounts: Floats, g: int) -> Floats:
    """(g,) sums of amounts (m,) by the row they are charged to."""
    if code is None:
        return np.array([amounts.sum()])
    return np.asarray(np.bincount(code, weights=amounts, minlength=g), dtype=np.float64)


def distinct(names: list[str]) -> tuple[str, ...]:
    """The same names, with `#2`, `#3` behind one that comes again."""
    seen: Counter[str] = Counter()
    out = []
    for name in names:
        seen[name] += 1
        out.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return tuple(out)
