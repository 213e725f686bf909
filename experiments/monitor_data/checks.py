"""What every week of foreign data must keep, whatever is done with it: named with unit and place."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from experiments.monitor_data.declaration import Declaration
from experiments.monitor_data.rows import Floats, Units, WeekRows, refuse

__all__ = ["check_week"]


def check_week(rows: WeekRows, declared: Declaration, units: Units) -> None:
    """Raise LogError for the first value that breaks the rule of its role."""
    value = rows.value
    refuse(~np.isfinite(value), rows, units, f"column {declared.metric} (metric) must be a finite number", value)
    rule = f"column {declared.metric} is declared as metric_is {declared.metric_is}"
    refuse(_breaks(value, declared.metric_is), rows, units, f"{rule} and must be {_RULES[declared.metric_is]}", value)
    if rows.denominator is not None:
        size = rows.denominator
        name = f"column {declared.denominator} (denominator)"
        refuse(np.isnan(size), rows, units, f"{name} is missing; a ratio needs what it is a share of")
        refuse(~np.isfinite(size) | (size < 0), rows, units, f"{name} must be a finite number >= 0", size)
    if rows.covariate is not None:
        known = rows.covariate
        rule = f"column {declared.covariate} (covariate) must be a finite number, or empty for who had no before"
        refuse(np.isinf(known), rows, units, rule, known)


_RULES = {"value": "a number", "loss": ">= 0", "count": "a whole number >= 0", "event": "0 or 1"}


def _breaks(value: Floats, kind: str) -> NDArray[np.bool_]:
    if kind == "value":
        return np.zeros(len(value), np.bool_)
    if kind == "event":
        return np.asarray((value != 0) & (value != 1), np.bool_)
    whole = value == np.floor(value) if kind == "count" else np.ones(len(value), np.bool_)
    return np.asarray((value < 0) | ~whole, np.bool_)
