"""How much of alpha a group-sequential test may have spent by a given share of its information.

Lan & DeMets (1983) for the O'Brien-Fleming and Pocock types; the power family of Kim & DeMets (1987); the
exponential family of Hwang, Shih & DeCani (1990).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from experiments.monitors.interface import open_share
from rage_env.errors import ConfigError, UnknownNameError

__all__ = ["SPENDING", "one_or_two", "shape_of", "spent"]

Floats = NDArray[np.float64]

_FAMILIES = {"kim_demets": ("power", 3.0, 0.01, 50.0), "hsd": ("gamma", -4.0, -40.0, 40.0)}
"""Families with a shape: its name, default, least and most; beyond these a look spends all or nothing."""
SPENDING = ("obf", "pocock", *_FAMILIES)
"""Names of the spending functions; the last two take a `shape` (power; gamma)."""


def spent(time: Floats, alpha: float, sides: int = 2, spending: str = "obf", shape: float | None = None) -> Floats:
    """Error spent by information time `time` (any shape), all sides together; `alpha` from time 1 on.

    Raises ConfigError and UnknownNameError.
    """
    open_share("alpha", alpha)
    one_or_two(sides)
    if spending not in SPENDING:
        raise UnknownNameError("spending function", spending, SPENDING)
    number = shape_of(spending, shape)
    t = np.clip(np.asarray(time, dtype=np.float64), 1e-300, 1.0)
    return sides * _one_side(spending, t, alpha / sides, number)


def one_or_two(sides: int) -> int:
    """The number of sides. Raises ConfigError where it is neither 1 nor 2."""
    if isinstance(sides, bool) or sides not in (1, 2):
        raise ConfigError(f"sides: must be 1 or 2, got {sides!r}")
    return sides


def shape_of(spending: str, shape: float | None) -> float:
    """The shape to use. Raises ConfigError where the family has none or the value lies outside its range."""
    if spending not in _FAMILIES:
        if shape is not None:
            way_out = f"leave it out, or use {' or '.join(_FAMILIES)}"
            raise ConfigError(f"shape: {spending} has none, got {shape!r}; {way_out}")
        return 0.0
    name, default, low, high = _FAMILIES[spending]
    if shape is None:
        return default
    if isinstance(shape, bool) or not isinstance(shape, int | float) or not low <= shape <= high:
        raise ConfigError(f"shape: the {name} of {spending} must lie in [{low:g}, {high:g}], got {shape!r}")
    return float(shape)


def _one_side(spending: str, t: Floats, alpha: float, shape: float) -> Floats:
    if spending == "obf":
        return np.asarray(2 * ndtr(ndtri(alpha / 2) / np.sqrt(t)), dtype=np.float64)
    if spending == "pocock":
        return alpha * np.log1p((math.e - 1) * t)
    if spending == "kim_demets":
        return alpha * t**shape
    return alpha * (t if shape == 0 else np.expm1(-shape * t) / math.expm1(-shape))
