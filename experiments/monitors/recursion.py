"""Where z stands, look by look, among paths that no earlier look has stopped: recursive numerical integration.

Armitage, McPherson & Rowe (1969), on Gauss-Legendre nodes. z is normal with spread 1 at every look and, given its
last value, owes nothing to the looks before.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

__all__ = ["NODES", "Survivors", "lower_boundary", "next_boundary", "passed", "start"]

Floats = NDArray[np.float64]

NODES = 400
FARTHEST_Z = 8.5  # beyond it lies less than 2e-17 of a normal law: the integration stops there
_TINY_SPEND = 1e-13  # a look spending less is held to its own tail alone, which can only spend less
_ROUNDING = 1e-9  # a root found sits on its bracket's edge


@dataclass(frozen=True, eq=False)
class Survivors:
    """Paths that no earlier look has stopped: masses (..., q) at points (..., q). mean: that of z, all paths."""

    z: Floats
    mass: Floats
    mean: float = 0.0


def start() -> Survivors:
    """All paths, at z = 0 with certainty, before the first look."""
    return Survivors(np.zeros(1), np.ones(1))


def next_boundary(
    survivors: Survivors, rho: NDArray[np.float64] | np.float64, spend: float, sides: int = 2, nodes: int = NODES
) -> tuple[Floats, Survivors]:
    """The z (...) that a share `spend` of all paths crosses at this look and at no earlier one, and who is left.

    rho: (...) correlation of z with its value at the previous look; given that value, the past adds nothing.
    It is held below what the nodes can resolve, which errs to the side of fewer alarms. The mean of z is 0.
    """
    centre, tail = _given_the_last(survivors, rho, 0.0)
    bound = _solve(centre, survivors.mass, tail, spend, sides)
    edge = np.minimum(bound, FARTHEST_Z)
    low = -edge if sides == 2 else np.full_like(edge, -FARTHEST_Z)
    return bound, _left(survivors, centre, tail, low, edge, 0.0, nodes)


def lower_boundary(survivors: Survivors, rho: float, spend: float, mean: float) -> float:
    """The z under which a share `spend` of all paths falls at this look and at no earlier one. mean: that of z."""
    centre, tail = _given_the_last(survivors, np.float64(rho), mean)
    return -float(_solve(-centre, survivors.mass, tail, spend, 1, -mean))


def passed(
    survivors: Survivors, rho: float, low: float, high: float, mean: float = 0.0, nodes: int = NODES
) -> tuple[float, float, Survivors]:
    """Shares of all paths that reach `high` at this look, that fall to `low`, and who is left. mean: that of z now."""
    centre, tail = _given_the_last(survivors, np.float64(rho), mean)
    up = float((ndtr((centre - high) / tail) * survivors.mass).sum())
    down = float((ndtr((low - centre) / tail) * survivors.mass).sum())
    ends = np.asarray(max(low, mean - FARTHEST_Z)), np.asarray(min(high, mean + FARTHEST_Z))
    if ends[0] >= ends[1]:
        return up, down, Survivors(np.zeros(1), np.zeros(1), mean)
    return up, down, _left(survivors, centre, tail, *ends, mean, nodes)


def _given_the_last(survivors: Survivors, rho: NDArray[np.float64] | np.float64, mean: float) -> tuple[Floats, Floats]:
    """Centre (..., q) and spread (...) of z given each of its last values."""
    tail = _conditional_spread(rho, survivors.z)
    return np.sqrt(1 - tail**2)[..., None] * (survivors.z - survivors.mean) + mean, tail


def _left(
    survivors: Survivors, centre: Floats, tail: Floats, low: Floats, high: Floats, mean: float, nodes: int
) -> Survivors:
    """Who stands between low (...) and high (...)."""
    x, weight = _gauss_legendre(nodes)
    half = ((high - low) / 2)[..., None]
    z = low[..., None] + half * (x + 1)
    density = z[..., :, None] - centre[..., None, :]  # in place from here on: it is by far the largest array
    density *= density
    density *= -0.5 / tail[..., None, None] ** 2
    np.exp(density, out=density)
    mass = (density @ survivors.mass[..., None])[..., 0]
    return Survivors(z, mass * weight * half / (tail[..., None] * math.sqrt(2 * math.pi)), mean)


def _conditional_spread(rho: NDArray[np.float64] | np.float64, z: Floats) -> Floats:
    """Standard deviation of z given its last value; at least .7 of the widest gap between the nodes `z`."""
    widest_gap = math.pi / 2 * (z[..., -1] - z[..., 0]) / z.shape[-1]
    tail = np.sqrt(1 - np.clip(np.asarray(rho, dtype=np.float64), 0.0, 1.0) ** 2)
    return np.asarray(np.maximum(tail, 0.7 * widest_gap), np.float64)


def _solve(centre: Floats, mass: Floats, tail: Floats, spend: float, sides: int, mean: float = 0.0) -> Floats:
    """Newton on the logarithm of the crossing probability, kept inside a bracket that halves where Newton leaves it."""
    shape = np.broadcast_shapes(centre.shape[:-1], tail.shape)
    high = np.full(shape, mean - ndtri(spend / sides) if spend > 0 else math.inf)  # at most `spend` crosses its tail
    if spend < _TINY_SPEND:
        return high
    low = np.full(shape, 0.0 if sides == 2 else mean - FARTHEST_Z)
    bound = high
    for _ in range(100):
        p, slope = _crossing(bound, centre, mass, tail, sides)
        low, high = np.where(p > spend, bound, low), np.where(p > spend, high, bound)
        newton = bound + np.log(np.maximum(p, 1e-300) / spend) * p / np.maximum(slope, 1e-300)
        inside = (newton >= low - _ROUNDING) & (newton <= high + _ROUNDING) & (p > 1e-290)
        last, bound = bound, np.where(inside, newton, (low + high) / 2)
        if np.abs(bound - last).max() < 1e-11:
            break
    return bound


def _crossing(bound: Floats, centre: Floats, mass: Floats, tail: Floats, sides: int) -> tuple[Floats, Floats]:
    """(...) share of paths that cross `bound` now, and how fast it falls as the bound rises."""
    up = (bound[..., None] - centre) / tail[..., None]
    crossing, slope = ndtr(-up), np.exp(-0.5 * up**2)
    if sides == 2:
        down = (bound[..., None] + centre) / tail[..., None]
        crossing, slope = crossing + ndtr(-down), slope + np.exp(-0.5 * down**2)
    return (crossing * mass).sum(axis=-1), (slope * mass).sum(axis=-1) / (tail * math.sqrt(2 * math.pi))


@functools.cache
def _gauss_legendre(nodes: int) -> tuple[Floats, Floats]:
    x, weight = np.polynomial.legendre.leggauss(nodes)
    return x, weight
