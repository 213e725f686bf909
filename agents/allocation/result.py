"""What an allocation answers: probabilities, prices, slack, and the proof that they are the best there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from agents.allocation.rows import Floats

__all__ = ["GRID", "Allocation", "Infeasibility", "Status"]

GRID = 1 << 24
"""Probabilities are whole multiples of 1 / GRID, which float32 holds exactly, so every row sums to exactly 1."""

Status = Literal["optimal", "inaccurate", "infeasible", "floor_infeasible"]


@dataclass(frozen=True, eq=False)
class Infeasibility:
    """Why the guardrails cannot all be kept: a weighted sum of rows whose least usage exceeds its limit.

    multipliers: (g,) Farkas weights >= 0 in the units of the rows. share: (g,) the part each row plays in the
    contradiction, sums to 1. violation: (g,) excess over each limit where the total, weighed by spread, is
    least. largest_floor: the share of the asked floor that could be kept, for `floor_infeasible` only.
    """

    multipliers: Floats
    share: Floats
    violation: Floats
    least_usage: Floats  # (g,) least usage of each row taken alone
    words: str
    largest_floor: float | None = None


def _nobody() -> tuple[NDArray[np.intp], Floats]:
    return np.empty(0, np.intp), np.empty((0, 0))


@dataclass(frozen=True, eq=False)
class Allocation:
    """Probabilities with their certificate. Row arrays have one entry for each expanded row.

    value is of the probabilities as stored; bound is above the value of anything allowed. gap is
    `(bound - exact value) / max(|bound|, total spread of value)`, where the exact value is that of probs with the
    few randomised users as real numbers, `before_storage`: one user alone cannot hold a third in float32 to nine
    digits. What storage costs is stated apart: `value >= exact value - rounding_loss_bound`. slack >= 0 means
    kept, float32 included.
    max_violation is relative: excess / `max(|limit|, total spread of the row)`, 0 when all is kept.
    prices: value gained for each unit of limit, >= 0 for either sense. rounding_loss_bound: value given up by
    storing probabilities on the float32 grid with guardrails kept. When status is `infeasible` or
    `floor_infeasible`, probs break the rows as little as can be and `infeasibility` holds the proof.
    """

    probs: NDArray[np.float32]  # (n, k)
    row_names: tuple[str, ...]
    prices: Floats  # (rows,)
    usage: Floats  # (rows,) in the unit of each row's limit
    slack: Floats  # (rows,)
    value: float
    bound: float
    gap: float
    max_violation: float
    status: Status
    infeasibility: Infeasibility | None
    n_randomised: int
    rounding_loss_bound: float
    passes: int
    seconds: float
    directions: Mapping[str, Floats] = field(default_factory=dict)  # {robust row: (p,)} length <= 1, for the bound
    before_storage: tuple[NDArray[np.intp], Floats] = field(default_factory=_nobody)  # users (u,), probabilities (u, k)
