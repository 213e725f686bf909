"""One box of prices: which units could change inside it, the finishing LP over them, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from agents.allocation.oracle import Scan, reduced, relative_gaps
from agents.allocation.programs import Choice
from agents.allocation.rows import Floats
from agents.allocation.stack import Stack
from agents.allocation.stages import in_stages

__all__ = ["Box", "Primal", "solve_box", "widest"]

_WIDEST = 8.0
_TIED = 1e-9


@dataclass(frozen=True, eq=False)
class Primal:
    """Shares of the undecided units; everybody else takes `best`. Column 0 of arms is the unit's best arm."""

    best: NDArray[np.intp]  # (m,)
    units: NDArray[np.intp]  # (u,)
    arms: NDArray[np.intp]  # (u, 1 + s)
    shares: Floats  # (u, 1 + s), rows sum to 1
    value: float
    usage: Floats  # (g,)
    over: Floats  # (g,) usage beyond the limits
    worth: float  # value less what usage beyond the limits was bought for


@dataclass(frozen=True, eq=False)
class Box:
    """The answer inside a box of `width` times the radius. inside: no price presses against a wall that moves."""

    primal: Primal
    prices: Floats  # (g,)
    width: float
    inside: bool
    exact: bool  # whether every unit entered on its own
    resolve: Retry


@dataclass(frozen=True, eq=False)
class Retry:
    """All that is needed to solve the same box again with less room."""

    stack: Stack
    here: Scan
    who: NDArray[np.intp]
    arms: NDArray[np.intp]
    choice: Choice
    order: NDArray[np.intp]  # (u,) units with neighbours side by side
    kind: NDArray[np.intp]  # (u,) units of a kind have the same switches open
    blocks: int
    cap: float

    def primal(self, tighten: Floats) -> tuple[Primal, Floats]:
        """Shares and prices when every row's limit is lowered by `tighten` (g,)."""
        return _answer(self, tighten)

    def restated(self, shares: Floats) -> Primal:
        """The primal in which the undecided have these shares (u, 1 + s)."""
        return _priced(self, shares[:, 1:])


def solve_box(stack: Stack, here: Scan, size: int, blocks: int, cap: float) -> Box:
    """The widest box around `here` in which about `size` units could change, solved exactly up to `2 * blocks`."""
    width, who = widest(here.distance, size)
    radius = here.radius
    low = np.maximum(here.prices - width * radius, stack.lowest)
    high = np.minimum(here.prices + width * radius, cap)
    gain, use, arms, kind = _switches(stack, here, who, width * radius)
    choice = Choice(gain, use, np.ones(len(who)), stack.limit - here.usage, low, high)
    order = np.argsort(here.distance[who], kind="stable")
    retry = Retry(stack, here, who, arms, choice, order, kind, blocks, cap)
    primal, prices = retry.primal(np.zeros_like(stack.limit))
    pressed = ((prices <= low + 1e-7 * radius) & (low > stack.lowest)) | (
        (prices >= high - 1e-7 * radius) & (high < cap)
    )
    return Box(primal, prices, width, not pressed.any(), len(who) <= 2 * blocks, retry)


def widest(distance: Floats, size: int) -> tuple[float, NDArray[np.intp]]:
    """Width of the box and the units that could change inside it; all tied units belong to it."""
    width = _WIDEST
    if size < len(distance):
        width = min(_WIDEST, float(np.partition(distance, size)[size]))
    if width <= _TIED:
        further = distance[distance > _TIED]
        width = min(_WIDEST, float(further.min(initial=np.inf)))
    return width, np.flatnonzero(distance < width)


def _switches(
    stack: Stack, here: Scan, who: NDArray[np.intp], radius: Floats
) -> tuple[Floats, Floats, NDArray[np.intp], NDArray[np.intp]]:
    """Gain (u, s) and use (g, u, s) of every switch that could pay inside the box; arms (u, 1 + s), kind (u,).

    Units of a kind have the same best arm and the same switches open, in the same order.
    """
    u, best = len(who), here.best[who]
    net = reduced(stack, here.prices, who)
    at = np.arange(u)
    ratio = relative_gaps(stack, radius, who, net[best, at] - net, best)
    s = max(1, int((ratio <= 1.0).sum(axis=0).max(initial=0)))
    order = np.argsort(ratio, axis=0, kind="stable")[:s]
    open_ = np.take_along_axis(ratio, order, axis=0) <= 1.0
    value = stack.value[:, who]
    unit = stack.value_spread / stack.m
    with np.errstate(invalid="ignore"):
        gain = np.where(open_, np.take_along_axis(value, order, axis=0) - value[best, at], -unit)
    use = np.zeros((len(stack.limit), u, s))
    for r in range(len(stack.coef)):
        a = stack.coef[r][:, who]
        row = r if stack.code is None else stack.code[r, who]
        use[row, at] += np.where(open_, np.take_along_axis(a, order, axis=0) - a[best, at], 0.0).T
    kind, base = best.astype(np.intp), stack.value.shape[0] + 1
    for arm, is_open in zip(order, open_, strict=True):
        kind = kind * base + np.where(is_open, arm + 1, 0)
    return gain.T, use, np.vstack([best, order]).T, kind


def _answer(box: Retry, tighten: Floats) -> tuple[Primal, Floats]:
    stack, choice = box.stack, box.choice
    unit = stack.value_spread / stack.m
    scaled = replace(choice, gain=choice.gain / unit, use=choice.use / unit, room=(choice.room - tighten) / unit)
    shares, prices = in_stages(scaled, box.order, box.kind, box.blocks)
    return _priced(box, shares), prices


def _priced(box: Retry, shares: Floats) -> Primal:
    """Value and usage when the undecided switch by `shares` (u, s)."""
    stack, here, choice = box.stack, box.here, box.choice
    value = here.gain + float(np.sum(choice.gain * shares))
    usage = here.usage + np.einsum("gus,us->g", choice.use, shares)
    over = stack.excess(usage)
    worth = value - (box.cap * float(over.sum()) if np.isfinite(box.cap) else 0.0)
    shares = np.column_stack([1.0 - shares.sum(axis=1), shares])
    return Primal(here.best, box.who, box.arms, shares, value, usage, over, worth)
