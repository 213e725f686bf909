"""Boundaries of group-sequential tests: how much error each look may spend, and which |z| spends just that.

Recursive numerical integration: Armitage, McPherson & Rowe (1969), on Gauss-Legendre nodes. Spending: Lan &
DeMets (1983); the power family of Kim & DeMets (1987); the exponential family of Hwang, Shih & DeCani (1990).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from experiments.monitors.interface import open_share
from rage_env.errors import ConfigError, UnknownNameError

__all__ = ["SPENDING", "Survivors", "boundaries", "next_boundary", "spent", "start"]

Floats = NDArray[np.float64]

NODES = 400
FARTHEST_Z = 8.5  # beyond it lies less than 2e-17 of a normal law: the integration stops there
_TINY_SPEND = 1e-13  # a look spending less is held to its own tail alone, which can only spend less
_ROUNDING = 1e-9  # a root found sits on its bracket's edge
_DEFAULT_SHAPE = {"obf": 0.0, "pocock": 0.0, "kim_demets": 3.0, "hsd": -4.0}
SPENDING = tuple(_DEFAULT_SHAPE)
"""Names of the spending functions; the last two take a `shape` (power; gamma)."""


@dataclass(frozen=True, eq=False)
class Survivors:
    """Where z stands among paths that no earlier look has stopped: masses (..., q) at points (..., q)."""

    z: Floats
    mass: Floats


def boundaries(
    spending: str = "obf",
    looks: int = 5,
    alpha: float = 0.05,
    sides: int = 2,
    fractions: Sequence[float] | None = None,
    *,
    shape: float | None = None,
) -> Floats:
    """(looks,) z-values that together are crossed with probability `alpha` when nothing is there.

    fractions: planned information times in (0, 1], rising; evenly spaced to 1 by default. Both sides share
    alpha where `sides` is 2. Raises ConfigError and UnknownNameError.
    """
    times = _times(looks, fractions)
    increments = np.diff(spent(times, alpha, sides, spending, shape), prepend=0.0)
    correlation = np.sqrt(times[:-1] / times[1:])
    survivors, bounds = start(), np.empty(len(times))
    for look, spend in enumerate(increments):
        rho = 0.0 if look == 0 else correlation[look - 1]
        bounds[look], survivors = next_boundary(survivors, np.float64(rho), float(spend), sides)
    return bounds


def spent(time: Floats, alpha: float, sides: int = 2, spending: str = "obf", shape: float | None = None) -> Floats:
    """Error spent by information time `time` (any shape), all sides together; `alpha` from time 1 on."""
    open_share("alpha", alpha)
    if sides not in (1, 2):
        raise ConfigError(f"sides: must be 1 or 2, got {sides}")
    if spending not in SPENDING:
        raise UnknownNameError("spending function", spending, SPENDING)
    number = _DEFAULT_SHAPE[spending] if shape is None else shape
    if spending == "kim_demets" and number <= 0:
        raise ConfigError(f"shape: the power of kim_demets must be above 0, got {number}")
    t = np.clip(np.asarray(time, dtype=np.float64), 1e-300, 1.0)
    return sides * _spent_one_side(spending, t, alpha / sides, number)


def _spent_one_side(spending: str, t: Floats, alpha: float, shape: float) -> Floats:
    if spending == "obf":
        return np.asarray(2 * ndtr(ndtri(alpha / 2) / np.sqrt(t)), dtype=np.float64)
    if spending == "pocock":
        return alpha * np.log1p((math.e - 1) * t)
    if spending == "kim_demets":
        return alpha * t**shape
    return alpha * (t if shape == 0 else np.expm1(-shape * t) / math.expm1(-shape))


def start() -> Survivors:
    """All paths, at z = 0 with certainty, before the first look."""
    return Survivors(np.zeros(1), np.ones(1))


def next_boundary(
    survivors: Survivors, rho: NDArray[np.float64] | np.float64, spend: float, sides: int = 2, nodes: int = NODES
) -> tuple[Floats, Survivors]:
    """The z (...) that a share `spend` of all paths crosses at this look and at no earlier one, and who is left.

    rho: (...) correlation of z with its value at the previous look; given that value, the past adds nothing.
    It is held below what the nodes can resolve, which errs to the side of fewer alarms.
    """
    tail = _conditional_spread(rho, survivors.z)
    centre = np.sqrt(1 - tail**2)[..., None] * survivors.z
    bound = _solve(centre, survivors.mass, tail, spend, sides)
    edge = np.minimum(bound, FARTHEST_Z)
    low = -edge if sides == 2 else np.full_like(edge, -FARTHEST_Z)
    x, weight = _gauss_legendre(nodes)
    half = ((edge - low) / 2)[..., None]
    z = low[..., None] + half * (x + 1)
    step = (z[..., :, None] - centre[..., None, :]) / tail[..., None, None]
    density = np.exp(-0.5 * step**2) @ survivors.mass[..., None]
    return bound, Survivors(z, density[..., 0] * weight * half / (tail[..., None] * math.sqrt(2 * math.pi)))


def _conditional_spread(rho: NDArray[np.float64] | np.float64, z: Floats) -> Floats:
    """Standard deviation of z given its last value; at least .7 of the widest gap between the nodes `z`."""
    widest_gap = math.pi / 2 * (z[..., -1] - z[..., 0]) / z.shape[-1]
    tail = np.sqrt(1 - np.clip(np.asarray(rho, dtype=np.float64), 0.0, 1.0) ** 2)
    return np.asarray(np.maximum(tail, 0.7 * widest_gap), np.float64)


def _solve(centre: Floats, mass: Floats, tail: Floats, spend: float, sides: int) -> Floats:
    """Newton on the logarithm of the crossing probability, kept inside a bracket that halves where Newton leaves it."""
    shape = np.broadcast_shapes(centre.shape[:-1], tail.shape)
    high = np.full(shape, -ndtri(spend / sides) if spend > 0 else math.inf)  # at most `spend` crosses its own tail
    if spend < _TINY_SPEND:
        return high
    low = np.full(shape, 0.0 if sides == 2 else -FARTHEST_Z)
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


def _times(looks: int, fractions: Sequence[float] | None) -> Floats:
    if fractions is None:
        if looks < 1:
            raise ConfigError(f"looks: must be at least 1, got {looks}")
        return np.arange(1, looks + 1) / looks
    times = np.asarray(fractions, dtype=np.float64)
    if times.ndim != 1 or not len(times) or not (np.diff(times, prepend=0.0) > 0).all() or times[-1] > 1 + 1e-12:
        raise ConfigError(f"fractions: must rise strictly within (0, 1], got {list(fractions)}")
    return times
