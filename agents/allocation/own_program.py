"""A program in which units have limits of their own: what was asked, its expanded rows, and their prices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.allocation.inputs import Program
from agents.allocation.oracle import reduced
from agents.allocation.own_rows import Own, own_prices
from agents.allocation.rows import Floats, Linear
from agents.allocation.stack import Stack
from agents.allocation.units import Units

__all__ = ["Asked", "labels", "own_priced", "sides", "sizes_of"]


@dataclass(frozen=True, eq=False)
class Asked:
    """What the caller asked for, by unit. own: least usages that cannot be helped are let pass."""

    program: Program
    units: Units
    own: Own
    stack: Stack  # shared rows over arms
    names: tuple[str, ...]  # of all expanded rows
    is_own: NDArray[np.bool_]  # (g,) of all expanded rows
    tol: float
    began: float


def labels(row: Linear) -> list[str]:
    """Names of the expanded rows of one stated row."""
    if row.segment is None:
        return [row.name]
    return [f"{row.name}[{c}]" for c in np.unique(row.segment[row.segment >= 0])]


def own_priced(asked: Asked, prices: Floats) -> tuple[Floats, float]:
    """Prices of the units' own limits by code, and the bound that all prices together prove."""
    own = asked.own
    net = reduced(asked.stack, prices)
    own_price = own_prices(net, own)
    priced = np.flatnonzero(own_price > 0)
    net[:, priced] -= own_price[priced] * own.coef[:, priced]
    credit = float((own_price[priced] * own.room[priced]).sum())
    by_code = np.zeros(len(own.codes))
    by_code[own.of[priced]] = own_price[priced]
    bound = float(net.max(axis=0).sum()) + credit + float(prices @ asked.stack.limit) + asked.stack.constant
    return by_code, bound


def sides(rows: Sequence[Linear]) -> tuple[Floats, Floats]:
    """(g,) sense as a sign, and limits as stated, of every expanded row."""
    flips, limits = [], []
    for row in rows:
        sign = -1.0 if row.sense == ">=" else 1.0
        stated = np.asarray(row.limit, dtype=np.float64)
        if row.segment is None:
            flips.append(np.array([sign]))
            limits.append(np.atleast_1d(stated))
            continue
        codes = np.unique(row.segment[row.segment >= 0])
        flips.append(np.full(len(codes), sign))
        limits.append(np.full(len(codes), float(stated)) if stated.ndim == 0 else stated[codes])
    return np.concatenate(flips), np.concatenate(limits)


def sizes_of(asked: Asked, stated: Floats) -> Floats:
    """(g,) what a violation of each expanded row is relative to: its limit or its spread over users."""
    mask, spread = asked.program.mask, np.empty(len(stated))
    row, own = asked.own.row, asked.own
    spread[~asked.is_own] = asked.stack.row_spread / asked.stack.scale
    coef = np.asarray(row.coef, dtype=np.float64)
    each = np.max(coef, axis=1, where=mask, initial=-np.inf) - np.min(coef, axis=1, where=mask, initial=np.inf)
    assert row.segment is not None
    inside = row.segment >= 0
    place = np.searchsorted(own.codes, row.segment[inside])
    spread[asked.is_own] = np.bincount(place, weights=each[inside], minlength=len(own.codes))
    return np.maximum(np.abs(stated), np.maximum(spread, 1e-300))
