"""The input of `allocate`, checked once, and the sums over users that judge its answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.allocation.rows import Floats, Linear, Robust
from agents.allocation.stack import Stack, build
from agents.allocation.units import Units, group_units
from rage_env.errors import GuardrailError, InputError

__all__ = ["Program", "checked", "starting_prices"]


@dataclass(frozen=True, eq=False)
class Program:
    """What the caller asked for, user by user."""

    value: Floats  # (n, k)
    rows: Sequence[Linear]
    mask: NDArray[np.bool_]  # (n, k)
    unit: NDArray[np.integer] | None  # (n,)
    floor: float | NDArray[np.floating]

    def units(self, floor_share: float = 1.0) -> Units:
        """Who decides together, with floors at `floor_share` of what was asked."""
        return group_units(self.mask, self.unit, floor_share * np.asarray(self.floor, dtype=np.float64))

    def stacked(self, floor_share: float = 1.0) -> tuple[Units, Stack]:
        """Units and scaled program, with floors at `floor_share` of what was asked."""
        units = self.units(floor_share)
        return units, build(self.value, self.rows, units)

    def totals(self, probs: NDArray[np.float32]) -> tuple[float, Floats]:
        """Value and usage (g,) of the probabilities as stored, summed over users."""
        p = probs.astype(np.float64)
        usage: list[float] = []
        for row in self.rows:
            terms = np.einsum("nk,nk->n", np.asarray(row.coef, dtype=np.float64), p)
            if row.segment is None:
                usage.append(float(terms.sum()))
                continue
            inside = row.segment >= 0
            codes, at = np.unique(row.segment[inside], return_inverse=True)
            usage.extend(np.bincount(at, weights=terms[inside], minlength=len(codes)).tolist())
        return float(np.einsum("nk,nk->n", self.value, p).sum()), np.array(usage)


def checked(
    value: NDArray[np.floating],
    rows: Sequence[Linear | Robust],
    action_mask: NDArray[np.integer] | NDArray[np.bool_] | None,
    unit: NDArray[np.integer] | None,
    floor: float | NDArray[np.floating],
) -> tuple[Floats, NDArray[np.bool_]]:
    """Value (n, k) in float64 and the mask (n, k), or an error that names what is wrong."""
    value = np.asarray(value, dtype=np.float64).view()
    if value.ndim != 2 or 0 in value.shape:
        raise InputError(f"value: must be (n, k) with at least one user and one arm, got shape {value.shape}.")
    if not np.isfinite(value).all():
        user, arm = np.argwhere(~np.isfinite(value))[0]
        raise InputError(
            f"value: must be finite, but user {user}, arm {arm} has {value[user, arm]}. Mask arms instead of "
            f"giving them infinite values."
        )
    for row in rows:
        shape = np.shape(row.coef if isinstance(row, Linear) else row.mean)
        if shape != value.shape:
            raise GuardrailError(f"{row.name}: coefficients have shape {shape}, value has {value.shape}.")
    mask: NDArray[np.bool_] = np.ones(value.shape, bool)
    if action_mask is not None:
        mask = np.asarray(action_mask) != 0
    if mask.shape != value.shape:
        raise InputError(f"action_mask: has shape {mask.shape}, value has {value.shape}.")
    _check_units(len(value), unit)
    least = np.asarray(floor, dtype=np.float64)
    if least.shape not in ((), (len(value),)) or not ((least >= 0) & (least <= 1)).all():
        raise InputError(f"floor: must be in [0, 1], a number or one for each of {len(value)} users, got {floor!r}.")
    return value, mask


def _check_units(n: int, unit: NDArray[np.integer] | None) -> None:
    if unit is None:
        return
    unit = np.asarray(unit)
    if unit.shape != (n,) or not np.issubdtype(unit.dtype, np.integer):
        raise InputError(f"unit: must be one integer for each of {n} users, got shape {unit.shape} of {unit.dtype}.")
    if (unit < 0).any():
        user = int(np.argmax(unit < 0))
        raise InputError(f"unit: user {user} has unit {unit[user]}, but ids start at 0. Give every user a unit.")


def starting_prices(stack: Stack, prices0: Floats | None) -> Floats | None:
    """Starting prices in scaled units, or None for a cold start."""
    if prices0 is None:
        return None
    prices0 = np.asarray(prices0, dtype=np.float64)
    if prices0.shape != stack.limit.shape or not np.isfinite(prices0).all():
        raise InputError(
            f"prices0: must be {len(stack.limit)} finite prices, one for each of {list(stack.names)[:6]}, "
            f"got {prices0.tolist()[:6]}."
        )
    return np.asarray(np.maximum(prices0, 0.0) / stack.scale)
