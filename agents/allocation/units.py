"""Who decides together: users with common arms, common floors and common probabilities."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.allocation.result import GRID
from agents.allocation.rows import Floats
from rage_env.errors import InputError

__all__ = ["Units", "group_units"]

_CHUNK = 4_096


@dataclass(frozen=True, eq=False)
class Units:
    """Who decides together: (n,) unit of each user, m units, allowed arms and floor of each unit."""

    of: NDArray[np.intp] | None  # (n,), None when every user is a unit
    allowed: NDArray[np.bool_]  # (k, m)
    floor: NDArray[np.int64]  # (m,) in steps of 1 / GRID
    weight: Floats  # (m,) probability left once the floors are served

    @functools.cached_property
    def free(self) -> bool:
        """Whether every arm is allowed to everybody."""
        return bool(self.allowed.all())

    def total(self, rows: NDArray[np.floating], into: Floats | None = None) -> Floats:
        """(k, m) sums over the users of each unit, written to `into` if given. rows: (n, k)."""
        out = np.empty(self.allowed.shape) if into is None else into
        if self.of is None:
            for start in range(0, len(rows), _CHUNK):  # a chunk of both sides fits the cache
                out[:, start : start + _CHUNK] = rows[start : start + _CHUNK].T
        else:
            for arm, column in enumerate(out):
                column[:] = np.bincount(self.of, weights=rows[:, arm], minlength=len(column))
        return out

    def spread(self, per_unit: NDArray[np.generic]) -> NDArray[np.generic]:
        """(n, ...) from (m, ...): every user gets what their unit has."""
        return per_unit if self.of is None else per_unit[self.of]


def group_units(
    mask: NDArray[np.bool_], unit: NDArray[np.integer] | None, floor: float | NDArray[np.floating]
) -> Units:
    """Units with common arms. A user with a single allowed arm is decided by the mask and binds nobody else."""
    n = len(mask)
    count = mask.sum(axis=1)
    if (count == 0).any():
        raise InputError(
            f"user {int(np.argmin(count))}: no arm is allowed. Allow arm 0 for everybody who can take nothing else."
        )
    steps = np.ceil(np.broadcast_to(np.asarray(floor, dtype=np.float64), (n,)) * GRID - 1e-6).astype(np.int64)
    if unit is None or (np.diff(unit) > 0).all():  # nobody shares
        return _checked(None, mask.T.copy(), np.where(count == 1, 0, steps))
    _, of = np.unique(np.where(count == 1, -1 - np.arange(n), unit), return_inverse=True)
    m = int(of.max(initial=-1)) + 1
    members = np.bincount(of, minlength=m)
    allowed = np.stack([np.bincount(of, weights=c, minlength=m) == members for c in mask.T])
    if not allowed.any(axis=0).all():
        row = int(np.argmax(of == np.argmin(allowed.any(axis=0))))
        raise InputError(
            f"unit {unit[row]}: its users have no allowed arm in common. Widen their masks or split the unit."
        )
    floors = np.zeros(m, dtype=np.int64)
    np.maximum.at(floors, of, np.where(count == 1, 0, steps))
    return _checked(of, allowed, floors)


def _checked(of: NDArray[np.intp] | None, allowed: NDArray[np.bool_], floor: NDArray[np.int64]) -> Units:
    count = allowed.sum(axis=0)
    floor = np.where(count == 1, 0, floor)
    left = GRID - floor * count
    if (left < 0).any():
        at = int(np.argmin(left))
        raise InputError(
            f"floor: {floor[at] / GRID:.6g} on each of {count[at]} allowed arms of unit number {at} exceeds 1. "
            f"Keep floor at or below {1 / count[at]:.6g} there."
        )
    return Units(of, allowed, floor, left / GRID)
