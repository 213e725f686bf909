"""Rules that numbers given to a monitor must keep."""

from __future__ import annotations

import math
import numbers

from rage_env.errors import ConfigError

__all__ = ["open_share", "positive", "whole"]


def positive(name: str, value: float) -> float:
    """The value, if it is a finite number above 0. Raises ConfigError."""
    if not (_is_number(value) and math.isfinite(value) and value > 0):
        raise ConfigError(f"{name}: must be a finite number above 0, got {value!r}")
    return value


def open_share(name: str, value: float) -> float:
    """The value, if it lies strictly between 0 and 1. Raises ConfigError."""
    if not (_is_number(value) and 0 < value < 1):
        raise ConfigError(f"{name}: must lie strictly between 0 and 1, got {value!r}")
    return value


def whole(name: str, value: int, least: int) -> int:
    """The value, if it is a whole number of at least `least`. Raises ConfigError."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ConfigError(f"{name}: must be a whole number of at least {least}, got {value!r}")
    return value


def _is_number(value: object) -> bool:
    """Parameters come from files and command lines, where a number may turn out to be a word."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)
