"""CUPAC: what a model expects of each unit from weeks before exposure, to be used as its covariate.

Li, Tang & Bauman (2020), DoorDash. The model here is a ridge regression on standardised columns; any other model's
prediction serves as well, as long as nothing it reads was known only after exposure began.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.monitors.interface import positive
from rage_env.errors import LogError

__all__ = ["Column", "Foretold", "foretell"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Column:
    """What a model reads: its name, and the last week it draws on."""

    name: str
    known_week: int


@dataclass(frozen=True, eq=False)
class Foretold:
    """A prediction for each unit, and the last week it draws on: covariate and covariate_week of a batch."""

    value: Floats  # (n,), NaN for units without a past
    week: int


def foretell(
    past: Floats,
    outcome: Floats,
    now: Floats,
    columns: Sequence[Column],
    *,
    exposure_week: int,
    outcome_week: int,
    ridge: float = 1.0,
) -> Foretold:
    """The outcome to be expected of each unit, learnt from what followed `past` before exposure.

    past: (m, d) columns as they stood for training. outcome: (m,) what followed, up to `outcome_week`. now: (n, d) the
    same columns at exposure; a row with NaN is a newcomer. Raises LogError naming columns known only after exposure.
    """
    _refuse_leaks([*columns, Column("the outcome to learn from", outcome_week)], exposure_week)
    shapes = (past.shape, outcome.shape, now.shape[1:])
    if shapes != ((len(outcome), len(columns)), (len(outcome),), (len(columns),)) or len(outcome) < 2:
        raise LogError(
            f"columns: past, outcome and now have shapes {past.shape}, {outcome.shape}, {now.shape} for {len(columns)} "
            "columns; needed are (m, d), (m,) and (n, d), m at least 2"
        )
    if not (np.isfinite(past).all() and np.isfinite(outcome).all()):
        raise LogError("past: must be finite wherever an outcome is learnt from; leave units without a past out of it")
    centre, spread = past.mean(axis=0), past.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    x = (past - centre) / scale
    gram = x.T @ x + positive("ridge", ridge) * np.eye(len(columns))
    slope = np.linalg.solve(gram, x.T @ (outcome - outcome.mean()))
    value = outcome.mean() + (now - centre) / scale @ slope
    return Foretold(np.where(np.isfinite(value), value, np.nan), max(outcome_week, *(c.known_week for c in columns)))


def _refuse_leaks(columns: Sequence[Column], exposure_week: int) -> None:
    late = [c for c in columns if c.known_week >= exposure_week]
    if late:
        told = ", ".join(f"{c.name} (week {c.known_week})" for c in late)
        raise LogError(
            f"columns: {told} known only after exposure began in week {exposure_week}; adjusting for them hides or "
            "invents an effect: use weeks before"
        )
