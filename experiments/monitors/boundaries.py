"""Boundaries of group-sequential tests: which |z| at which look spends just what a rule allows.

Rules are spending functions, or the classical families with a constant: Pocock (1977), O'Brien & Fleming (1979)
and those between them, z_k = C (t_k)^(shape - 1/2), of Wang & Tsiatis (1987).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtri

from experiments.monitors.interface import open_share, whole
from experiments.monitors.recursion import FARTHEST_Z, NODES, Survivors, next_boundary, passed, start
from experiments.monitors.spending import SPENDING, one_or_two, spent
from rage_env.errors import ConfigError, UnknownNameError

__all__ = [
    "CLASSICAL",
    "NODES",
    "SPENDING",
    "Survivors",
    "boundaries",
    "calendar_times",
    "correlations",
    "information_times",
    "next_boundary",
    "spent",
    "start",
]

Floats = NDArray[np.float64]

_EXPONENT = {"classical_obf": 0.0, "classical_pocock": 0.5, "wang_tsiatis": 0.25}
CLASSICAL = tuple(_EXPONENT)
"""Names of the families with one constant; the last takes a `shape` in [-1, 1], .25 by default."""


def boundaries(
    spending: str = "obf",
    looks: int = 5,
    alpha: float = 0.05,
    sides: int = 2,
    fractions: Sequence[float] | None = None,
    *,
    shape: float | None = None,
    calendar: Sequence[float] | None = None,
) -> Floats:
    """(looks,) z-values that together are crossed with probability `alpha` when nothing is there.

    spending: a spending function or a classical family. fractions: planned information times in (0, 1], rising;
    evenly spaced to 1 by default. calendar: times by which error is spent, where they differ from these, as with
    users who persist. Both sides share alpha where `sides` is 2. Raises ConfigError, UnknownNameError.
    """
    times = information_times(looks, fractions)
    if spending in CLASSICAL:
        return _classical(times, open_share("alpha", alpha), one_or_two(sides), _exponent(spending, shape))
    if spending not in SPENDING:
        raise UnknownNameError("spending function or boundary family", spending, (*SPENDING, *CLASSICAL))
    increments = np.diff(spent(calendar_times(times, calendar), alpha, sides, spending, shape), prepend=0.0)
    survivors, bounds = start(), np.empty(len(times))
    for look, (spend, rho) in enumerate(zip(increments, correlations(times), strict=True)):
        bounds[look], survivors = next_boundary(survivors, rho, float(spend), sides)
    return bounds


def correlations(times: Floats) -> Floats:
    """(looks,) correlation of z with its value one look before; 0 at the first."""
    before = np.concatenate([[0.0], times[:-1]])
    return np.asarray(np.sqrt(before / times), np.float64)


def information_times(looks: int, fractions: Sequence[float] | None = None) -> Floats:
    """(looks,) shares of the final information, rising. Raises ConfigError."""
    if fractions is None:
        return np.arange(1, whole("looks", looks, 1) + 1) / looks
    try:
        times = np.asarray(fractions, dtype=np.float64)
    except (TypeError, ValueError):
        times = np.empty(0)
    rising = times.ndim == 1 and len(times) > 0 and bool((np.diff(times, prepend=0.0) > 0).all())
    if not rising or times[-1] > 1 + 1e-12:
        raise ConfigError(
            f"fractions: must rise strictly within (0, 1], got {fractions!r}; information cannot fall between looks"
        )
    return times


def calendar_times(times: Floats, calendar: Sequence[float] | None) -> Floats:
    """(looks,) times by which error is spent: those of the information, unless told. Raises ConfigError."""
    if calendar is None:
        return times
    if len(calendar) != len(times):
        raise ConfigError(f"calendar: needed is one time for each of {len(times)} looks, got {list(calendar)}")
    return information_times(len(times), calendar)


def _exponent(spending: str, shape: float | None) -> float:
    if shape is None:
        return _EXPONENT[spending]
    number = isinstance(shape, int | float) and not isinstance(shape, bool)
    if spending != CLASSICAL[-1] or not number or not -1 <= shape <= 1:
        raise ConfigError(f"shape: only {CLASSICAL[-1]} takes one, in [-1, 1]; got {shape!r} for {spending}")
    return float(shape)


def _classical(times: Floats, alpha: float, sides: int, exponent: float) -> Floats:
    """Bounds C t^(exponent - 1/2) whose constant spends alpha in all."""
    relative = (times / times[-1]) ** (exponent - 0.5)
    fixed = -float(ndtri(alpha / sides))
    least = min(0.0, fixed)
    constant = brentq(lambda c: _spends(c * relative, times, sides) - alpha, least, FARTHEST_Z, xtol=1e-11)
    return np.asarray(constant * relative, np.float64)


def _spends(bounds: Floats, times: Floats, sides: int) -> float:
    """Probability that some look reaches its bound when nothing is there."""
    survivors, total = start(), 0.0
    for bound, rho in zip(bounds.tolist(), correlations(times).tolist(), strict=True):
        up, down, survivors = passed(survivors, rho, -bound if sides == 2 else -np.inf, bound)
        total += up + (down if sides == 2 else 0.0)
    return total
