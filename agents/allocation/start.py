"""First prices: Newton steps on a dual in which every argmax is softened, cooled down step by step.

The softened maximum `T log sum exp(net / T)` is curved in the g prices alone, so a step costs one pass. Early
steps run on a sample drawn in proportion to half `1 / m`, half the unit's share of the spread of value; the
usage of each unit's first allowed arm stays exact. Nothing here is trusted: prices only say where the exact
search begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from agents.allocation.box import widest
from agents.allocation.oracle import CHUNK, radius_of, reduced, scan
from agents.allocation.rows import Floats
from agents.allocation.stack import Stack
from agents.allocation.sweep import swept

__all__ = ["curvature", "first_prices", "newton_move", "refined_prices", "sampled", "sampled_prices"]

_SAMPLE = 2_048
_REFINEMENTS = 3
_NEAREST = 0.2  # share of the units on which prices are refined, those nearest to changing
_COOLING = (1.0, 0.5, 0.25, 0.16, 0.1, 0.06, 0.06)
_CLOSER = (0.04, 0.015)
_FINE = (0.03, 0.01, 0.004, 0.002, 0.001, 0.0005, 0.0002)


def first_prices(stack: Stack, seed: int) -> Floats:
    """Prices (g,) from nothing: near the optimum to a few parts in a hundred, where there is one."""
    if stack.code is not None and len(stack.coef) == 1:
        return swept(stack, np.zeros_like(stack.limit))
    return _cooled(stack, np.full_like(stack.limit, 0.3), _COOLING, seed, _SAMPLE)


def sampled_prices(stack: Stack, prices: Floats, seed: int) -> Floats:
    """Better prices (g,) near those given, from a sample large enough to tell by how much."""
    return _cooled(stack, prices, _CLOSER, seed, 4 * _SAMPLE)


def _cooled(stack: Stack, prices: Floats, heats: Sequence[float], seed: int, size: int) -> Floats:
    small = sampled(stack, seed, size)
    for heat in heats:
        prices = _step(small, prices, heat)
    return prices


def sampled(stack: Stack, seed: int, size: int) -> Stack:
    """The program of a weighted sample, or the program itself where a sample would not be much smaller."""
    return stack if stack.m <= 3 * size else _sample(stack, seed, size)


def refined_prices(stack: Stack, prices: Floats) -> tuple[Floats, int]:
    """Better prices (g,) near those given, and the passes over all data they cost."""
    if stack.code is not None and len(stack.coef) == 1:
        return swept(stack, prices), 1
    passes, pressed = 0, True
    while pressed and passes < _REFINEMENTS:
        prices, pressed = _refined(stack, prices)
        passes += 1
    return (prices if stack.code is None else swept(stack, prices)), passes


def _refined(stack: Stack, prices: Floats) -> tuple[Floats, bool]:
    """Newton on the units that a box around the prices leaves undecided; whether a wall of the box was hit."""
    radius = radius_of(stack, prices)
    here = scan(stack, prices, radius)
    width, near = widest(here.distance, max(int(_NEAREST * stack.m), 2 * _SAMPLE))
    rest = here.usage - _usage(stack, here.best[near], near)
    small = replace(
        stack,
        value=stack.value[:, near],
        coef=stack.coef[:, :, near],
        code=None if stack.code is None else stack.code[:, near],
        limit=stack.limit - rest,
    )
    low, high = np.maximum(prices - width * radius, stack.lowest), prices + width * radius
    for heat in _FINE:
        prices = np.clip(_step(small, prices, heat), low, high)
    return prices, bool((((prices <= low) & (low > stack.lowest)) | (prices >= high)).any())


def _usage(stack: Stack, arm: NDArray[np.intp], who: NDArray[np.intp]) -> Floats:
    """(g,) usage of the units `who` at the given arms."""
    usage = np.zeros_like(stack.limit)
    for r in range(len(stack.coef)):
        stack.charge(r, stack.coef[r][arm, who], who, usage)
    return usage


def _sample(stack: Stack, seed: int, size: int) -> Stack:
    """The program of a weighted sample, drawn systematically; weights are folded into value and coefficients."""
    spread = _spread(stack)
    chance = 0.5 / stack.m + 0.5 * spread / max(float(spread.sum()), 1e-300)
    edges = np.cumsum(chance)
    at = (np.arange(size) + np.random.default_rng(seed).random()) / size * edges[-1]
    who = np.minimum(np.searchsorted(edges, at), stack.m - 1)
    weight = edges[-1] / (size * chance[who])
    small = replace(
        stack,
        value=stack.value[:, who] * weight,
        coef=stack.coef[:, :, who] * weight,
        code=None if stack.code is None else stack.code[:, who],
    )
    return replace(small, limit=stack.limit - _first_arm_usage(stack) + _first_arm_usage(small))


def _first_arm_usage(stack: Stack) -> Floats:
    """(g,) usage if every unit took its first allowed arm."""
    return _usage(stack, np.isfinite(stack.value).argmax(axis=0), np.arange(stack.m))


def _spread(stack: Stack, part: slice = slice(None)) -> Floats:
    """(units of part,) largest less smallest value among allowed arms."""
    v = stack.value[:, part]
    return np.asarray(v.max(axis=0) - np.where(np.isfinite(v), v, np.inf).min(axis=0))


def _step(stack: Stack, prices: Floats, heat: float) -> Floats:
    """One damped Newton step on the softened dual, kept at prices >= 0."""
    slope, curve = curvature(stack, prices, heat)
    return np.maximum(prices + newton_move(stack, prices, slope, curve), stack.lowest)


def curvature(stack: Stack, prices: Floats, heat: float) -> tuple[Floats, Floats]:
    """Slope (g,) and curvature (g, g) of the softened dual."""
    g = len(prices)
    slope, curve = stack.limit.copy(), np.zeros((g, g))
    for start in range(0, stack.m, CHUNK):
        usage, bend = _softened(stack, prices, heat, slice(start, start + CHUNK))
        slope -= usage
        curve += bend
    curve[np.diag_indices(g)] += 1e-3 * stack.value_spread
    return slope, curve


def newton_move(stack: Stack, prices: Floats, slope: Floats, curve: Floats) -> Floats:
    """(g,) the damped Newton step among prices that may move."""
    free = (prices > stack.lowest) | (slope < 0)
    move = np.zeros_like(prices)
    move[free] = np.linalg.solve(curve[np.ix_(free, free)], -slope[free])
    most = 0.5 * np.maximum(np.abs(prices), 0.3)
    return np.clip(move, np.where(stack.free, -2.0, -1.0) * most, 2 * most)


def _softened(stack: Stack, prices: Floats, heat: float, part: slice) -> tuple[Floats, Floats]:
    """Expected usage (g,) and curvature (g, g) when each unit picks arms with odds exp(net / temperature)."""
    net = reduced(stack, prices, part)
    temperature = heat * np.maximum(_spread(stack, part), 1e-3 * stack.value_spread / stack.m)
    odds = np.exp((net - net.max(axis=0)) / temperature)
    odds /= odds.sum(axis=0)
    if stack.code is None:
        return _moments(stack.coef[:, :, part], odds, temperature)
    usage, bend = np.zeros_like(prices), np.zeros((len(prices), len(prices)))
    coefs = [stack.coef[r][:, part] for r in range(len(stack.coef))]
    for r, coef in enumerate(coefs):
        mean = np.einsum("ki,ki->i", odds, coef)
        stack.charge(r, mean, part, usage)
        tilted = odds * (coef - mean) / temperature
        for s in range(r, len(coefs)):
            _bend(stack, bend, r, s, np.einsum("ki,ki->i", tilted, coefs[s]), part)
    return usage, bend


def _moments(coef: Floats, odds: Floats, temperature: Floats) -> tuple[Floats, Floats]:
    """Mean usage (g,) and covariance of usage over temperature (g, g), summed over units. coef: (g, k, units)."""
    root = np.sqrt(odds / temperature)
    tilted = coef * root
    mean = np.einsum("rki,ki->ri", coef, odds)
    usage = mean.sum(axis=1)
    mean /= np.sqrt(temperature)
    flat = tilted.reshape(len(coef), odds.size)
    return usage, np.einsum("rx,sx->rs", flat, flat) - np.einsum("rx,sx->rs", mean, mean)


def _bend(stack: Stack, bend: Floats, r: int, s: int, product: Floats, part: slice) -> None:
    """Add the products (units,) of base rows r and s to the expanded rows they are charged to, both ways."""
    assert stack.code is not None
    g = len(bend)
    flat = stack.code[r, part] * g + stack.code[s, part]
    block = np.bincount(flat, weights=product, minlength=g * g).reshape(g, g)
    bend += block if r == s else block + block.T
