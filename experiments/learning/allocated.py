"""A policy from the allocator: lines for what every arm brings and uses, and the price of every limit.

Each user's DR scores are regressed on the features, the allocator finds the best shares within the limits, and its
prices are kept: a new user gets the arm of highest value less priced use. That is the allocator's own answer, but for
the few users whom it splits between arms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.allocation import Linear, allocate
from experiments.reward_model import RIDGE
from rage_env.errors import GuardrailError

__all__ = ["Limit", "fit_allocated", "score_lines"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Limit:
    """Mean of a column per row, at most."""

    column: str
    most: float

    def __str__(self) -> str:
        return f"{self.column} <= {self.most:g}"


def score_lines(design: Floats, scores: Floats) -> Floats:
    """(1 + d, k) each arm's scores on the features: ridge, the intercept free."""
    pull = RIDGE * np.eye(design.shape[1])
    pull[0, 0] = 0.0
    return np.asarray(np.linalg.solve(design.T @ design + pull, design.T @ scores), dtype=np.float64)


def fit_allocated(
    design: Floats,
    value: Floats,
    use: Mapping[str, Floats],
    limits: Sequence[Limit],
    allowed: NDArray[np.bool_] | None,
) -> Floats:
    """(1 + d, k) lines of value less priced use. value, use[column]: (n, k) scores. Raises GuardrailError."""
    lines = score_lines(design, value)
    if not limits:
        return lines
    used = [score_lines(design, use[limit.column]) for limit in limits]
    rows = [
        Linear(str(limit), design @ coef, limit.most * len(design)) for limit, coef in zip(limits, used, strict=True)
    ]
    mask = None if allowed is None else allowed.astype(np.int8)
    found = allocate(design @ lines, rows, mask)
    if found.infeasibility is not None:
        raise GuardrailError(f"learn: {found.infeasibility.words} Raise a limit, or drop it")
    for price, coef in zip(found.prices, used, strict=True):
        lines = np.asarray(lines - price * coef, dtype=np.float64)
    return lines
