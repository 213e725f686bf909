"""An allocation judged from outside: its bound from prices alone, its usage from probabilities alone.

Nothing here is shared with the solver, on purpose. Weak duality: for any prices >= 0, no probabilities that keep
the rows are worth more than the limits at those prices plus every unit's best arm net of what the rows charge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.allocation.result import Allocation
from agents.allocation.rows import Floats, Linear, Robust

__all__ = ["Certificate", "verify"]

_GRID = 2.0**24
_APART = 0.01  # shares move that far at most to keep every row once they are stored
_STORAGE = 1e-5  # of the size of the value; storage never costs more


@dataclass(frozen=True, eq=False)
class Certificate:
    """What could be confirmed. problems is empty exactly when the allocation is what it claims to be."""

    value: float
    bound: float
    gap: float
    usage: Floats  # (g,)
    slack: Floats  # (g,)
    max_violation: float
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing was found wrong."""
        return not self.problems


@dataclass(frozen=True, eq=False)
class _One:
    """A row as dense numbers, `sum(coef * x) <= limit`, once or once for each code of its segment."""

    names: tuple[str, ...]
    coef: Floats
    limit: Floats  # (c,)
    stated: Floats  # (c,)
    sign: float
    at: NDArray[np.intp] | None = None  # (n,) place among the c; -1 outside

    def sums(self, each: Floats) -> Floats:
        """(c,) sums over users of amounts (n,)."""
        if self.at is None:
            return np.array([each.sum()])
        inside = self.at >= 0
        counted = np.bincount(self.at[inside], weights=each[inside], minlength=len(self.names))
        return np.asarray(counted, dtype=np.float64)

    def used(self, x: Floats) -> Floats:
        """(c,) usage of probabilities x (n, k)."""
        return self.sums((self.coef * x).sum(axis=1))

    def spread(self, mask: NDArray[np.bool_]) -> Floats:
        """(c,) largest less smallest usage that single arms allow."""
        top = np.max(self.coef, axis=1, where=mask, initial=-np.inf)
        return self.sums(top - np.min(self.coef, axis=1, where=mask, initial=np.inf))

    def charge(self, prices: Floats) -> Floats:
        """(n, k) what the row charges at prices (c,)."""
        if self.at is None:
            return np.asarray(self.coef * prices[0])
        return np.asarray(self.coef * np.where(self.at >= 0, prices[self.at], 0.0)[:, None])


def verify(
    value: NDArray[np.floating],
    rows: Sequence[Linear | Robust],
    allocation: Allocation,
    action_mask: NDArray[np.integer] | NDArray[np.bool_] | None = None,
    unit: NDArray[np.integer] | None = None,
    *,
    floor: float | NDArray[np.floating] = 0.0,
    tol: float = 1e-9,
) -> Certificate:
    """Checks an allocation of the same program; never raises for a bad answer, it lists what is wrong.

    Arguments are those given to `allocate`: value, action_mask (n, k), unit (n,), floor a scalar or (n,), which counts
    as rounded up to the next multiple of 2**-24.
    """
    v = np.asarray(value, dtype=np.float64)
    mask = np.ones(v.shape, bool) if action_mask is None else np.asarray(action_mask) > 0
    x = allocation.probs.astype(np.float64)
    ones = [one for row in rows for one in _expanded(row, x)]
    least = _least(mask, unit, floor)
    usage = _joined([one.sign * one.used(x) for one in ones])
    slack = _joined([one.limit - one.used(x) for one in ones])
    size = _joined([np.maximum(np.maximum(np.abs(one.stated), one.spread(mask)), 1e-300) for one in ones])
    violation = float((np.maximum(-slack, 0) / size).max(initial=0.0))
    priced = [one for row in rows for one in _expanded(row, x, allocation.directions)]
    bound = _bound(v, priced, allocation.prices, mask, unit, least)
    worth = float((v * x).sum())
    size_v = max(abs(bound), _spread(v, mask), 1e-300)
    exact = x.copy()
    who, real = allocation.before_storage
    exact[who] = real if len(who) else exact[who]
    before = float((v * exact).sum())
    gap = (bound - before) / size_v
    problems = _shape_problems(x, mask, unit, least) + _shape_problems(exact, mask, unit, least)
    if allocation.infeasibility is None:
        problems += _storage_problems(allocation, v, ones, exact, x, size, tol)
    names = _told_apart([name for one in ones for name in one.names])
    if tuple(names) != allocation.row_names:
        problems.append(f"row_names: {allocation.row_names} stand for {names}")
    if allocation.infeasibility is None:
        problems += _claims(allocation, worth, bound, gap, slack, violation, tol)
    elif not _farkas(priced, allocation.infeasibility.multipliers, mask, unit, least):
        problems.append("infeasibility: the multipliers prove no contradiction")
    return Certificate(worth, bound, gap, usage, slack, violation, tuple(problems))


def _expanded(row: Linear | Robust, x: Floats, directions: Mapping[str, Floats] | None = None) -> list[_One]:
    """Robust rows as their tangent: at x, where it equals the norm, or along a stated direction, never above it."""
    if isinstance(row, Robust):
        pull = np.tensordot(x, np.asarray(row.factor, dtype=np.float64), axes=([0, 1], [0, 1]))
        toward = (directions or {}).get(row.name, pull)
        shortened = toward / max(1.0 if directions else 0.0, float(np.sqrt(toward @ toward)), 1e-300)
        coef = np.asarray(row.mean, dtype=np.float64) + row.radius * (np.asarray(row.factor, np.float64) @ shortened)
        return [_One((row.name,), coef, np.array([row.limit]), np.array([row.limit]), 1.0)]
    sign = 1.0 if row.sense == "<=" else -1.0
    coef = sign * np.asarray(row.coef, dtype=np.float64)
    if row.segment is None:
        stated = np.array([float(np.asarray(row.limit))])
        return [_One((row.name,), coef, sign * stated, stated, sign)]
    segment = np.asarray(row.segment)
    codes = np.array(sorted({int(c) for c in segment if c >= 0}), dtype=np.intp)
    if not len(codes):
        return []
    stated = np.full(len(codes), float(row.limit)) if np.ndim(row.limit) == 0 else np.asarray(row.limit)[codes]
    at = np.where(segment >= 0, np.searchsorted(codes, segment), -1)
    return [_One(tuple(f"{row.name}[{c}]" for c in codes), coef, sign * stated, stated, sign, at)]


def _joined(parts: list[Floats]) -> Floats:
    return np.concatenate(parts) if parts else np.empty(0)


def _told_apart(names: list[str]) -> list[str]:
    """The same names, with `#2` behind one that comes again."""
    seen: dict[str, int] = {}
    out = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        out.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return out


def _spread(array: Floats, mask: NDArray[np.bool_]) -> float:
    top = np.max(array, axis=1, where=mask, initial=-np.inf)
    return float(np.sum(top - np.min(array, axis=1, where=mask, initial=np.inf)))


def _own(mask: NDArray[np.bool_], unit: NDArray[np.integer] | None) -> NDArray[np.intp]:
    """(n,) decision of each user: the unit, or a number of one's own where the mask leaves one arm."""
    lone = np.arange(len(mask)) + (0 if unit is None else int(np.max(unit, initial=0)) + 1)
    return lone if unit is None else np.where(np.count_nonzero(mask, axis=1) == 1, lone, unit)


def _least(mask: NDArray[np.bool_], unit: NDArray[np.integer] | None, floor: float | NDArray[np.floating]) -> Floats:
    """(n,) floor that binds each user, on the grid; none where only one arm is left."""
    on_grid = np.ceil(np.full(len(mask), 1.0) * floor * _GRID - 1e-6) / _GRID
    own = _own(mask, unit)
    order = np.argsort(own, kind="stable")
    heads = np.flatnonzero(np.diff(own[order], prepend=-1))
    highest = np.empty(len(mask))
    highest[order] = np.repeat(np.maximum.reduceat(on_grid[order], heads), np.diff(heads, append=len(mask)))
    return np.where(_common(mask, unit).sum(axis=1) == 1, 0.0, highest)


def _common(mask: NDArray[np.bool_], unit: NDArray[np.integer] | None) -> NDArray[np.bool_]:
    """(n, k) arms that every user of the same decision may take."""
    if unit is None:
        return mask
    own = _own(mask, unit)
    order = np.argsort(own, kind="stable")
    heads = np.flatnonzero(np.diff(own[order], prepend=-1))
    out = np.empty_like(mask)
    out[order] = np.repeat(
        np.logical_and.reduceat(mask[order], heads, axis=0), np.diff(heads, append=len(mask)), axis=0
    )
    return out


def _best_sum(net: Floats, mask: NDArray[np.bool_], unit: NDArray[np.integer] | None, least: Floats) -> float:
    """The most that probabilities within mask, units and floors can make of `sum(net * x)`."""
    common, own = _common(mask, unit), _own(mask, unit)
    order = np.argsort(own, kind="stable")
    heads = np.flatnonzero(np.diff(own[order], prepend=-1))
    sums = np.add.reduceat(net[order], heads, axis=0)
    arms, low = common[order][heads], least[order][heads]
    floors = low * np.sum(sums, axis=1, where=arms)
    left = 1.0 - low * arms.sum(axis=1)
    return float((floors + left * np.max(sums, axis=1, where=arms, initial=-np.inf)).sum())


def _bound(
    v: Floats,
    ones: list[_One],
    prices: Floats,
    mask: NDArray[np.bool_],
    unit: NDArray[np.integer] | None,
    least: Floats,
) -> float:
    net, credit = v.copy(), 0.0
    paid, start = np.maximum(np.asarray(prices, dtype=np.float64), 0.0), 0
    for one in ones:
        own = paid[start : start + len(one.names)]
        net -= one.charge(own)
        credit += float(own @ one.limit)
        start += len(one.names)
    return credit + _best_sum(net, mask, unit, least)


def _farkas(
    ones: list[_One], weights: Floats, mask: NDArray[np.bool_], unit: NDArray[np.integer] | None, least: Floats
) -> bool:
    """Whether the least weighted usage exceeds the weighted limit."""
    if (weights < 0).any() or not weights.any():
        return False
    nothing = np.zeros(mask.shape)
    return _bound(nothing, ones, weights, mask, unit, least) < 0


def _shape_problems(x: Floats, mask: NDArray[np.bool_], unit: NDArray[np.integer] | None, least: Floats) -> list[str]:
    problems = []
    if (np.abs(x.sum(axis=1) - 1) > 1e-7).any() or (x < 0).any():
        problems.append(f"probs: user {int(np.abs(x.sum(axis=1) - 1).argmax())} does not hold a distribution")
    if (x[~mask] != 0).any():
        problems.append("probs: an arm that is not allowed has probability above 0")
    common = _common(mask, unit)
    if (x + 1e-12 < least[:, None] * common).any():
        problems.append("probs: an allowed arm lies below its floor")
    own = _own(mask, unit)
    _, first, back = np.unique(own, return_index=True, return_inverse=True)
    if (x != x[first][back.reshape(-1)]).any():
        problems.append("probs: users of one unit have different probabilities")
    return problems


def _storage_problems(
    a: Allocation, v: Floats, ones: list[_One], exact: Floats, x: Floats, size: Floats, tol: float
) -> list[str]:
    """Whether the probabilities before storage keep the rows, lie next to those stored, and cost what is said."""
    problems = []
    over = _joined([one.used(exact) - one.limit for one in ones]) / size
    if (over > tol).any():
        name = [name for one in ones for name in one.names][int(np.argmax(over))]
        problems.append(f"{name}: exceeds its limit by {over.max():.3g} of its size before storage")
    if (np.abs(exact - x) > _APART).any():
        user = int(np.abs(exact - x).max(axis=1).argmax())
        problems.append(f"before_storage: user {user} was stored as something else")
    lost = float((v * (exact - x)).sum())
    most = _STORAGE * max(abs(a.bound), abs(float((v * exact).sum())))
    if lost > a.rounding_loss_bound + 1e-12 * max(abs(a.bound), 1e-300) or a.rounding_loss_bound > most + 1e-7:
        problems.append(f"rounding_loss_bound: {a.rounding_loss_bound:.3g} claimed, storage cost {lost:.3g}")
    return problems


def _claims(
    a: Allocation, worth: float, bound: float, gap: float, slack: Floats, violation: float, tol: float
) -> list[str]:
    """What the allocation says of itself, held against what was recomputed."""
    size = max(abs(bound), abs(worth), 1e-300)
    problems = []
    if abs(a.value - worth) > 1e-9 * size or abs(a.bound - bound) > 1e-9 * size:
        problems.append(f"value and bound: claimed {a.value!r} and {a.bound!r}, recomputed {worth!r} and {bound!r}")
    if gap > tol:
        problems.append(f"gap: {gap:.3g} between bound and value, at most {tol:.3g} was asked")
    if violation > tol:
        row = a.row_names[int(np.argmin(slack))]
        problems.append(f"{row}: exceeds its limit by {violation:.3g} of its size")
    return problems
