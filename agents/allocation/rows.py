"""What a caller states about guardrails: linear rows, possibly one for each segment, and robust rows.

A row limits a sum over users, `sum(coef * probs) <= limit`. A ratio `num / den <= c` is the row
`num - c * den <= 0`. Robust rows follow Ben-Tal and Nemirovski (1999), eq. 5: mean plus radius times a norm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rage_env.errors import GuardrailError

__all__ = ["Floats", "Linear", "Robust"]

Floats = NDArray[np.float64]


def _finite(name: str, what: str, array: NDArray[np.floating], ndim: int) -> None:
    if np.ndim(array) != ndim:
        raise GuardrailError(
            f"{name}: {what} must have {ndim} axes, got shape {np.shape(array)}. Give one row for each user."
        )
    bad = ~np.isfinite(array)
    if bad.any():
        at = tuple(int(i) for i in np.argwhere(bad)[0])
        raise GuardrailError(
            f"{name}: {what} must be finite, but user {at[0]}, arm {at[1]} has {array[at]}. "
            f"Replace beliefs that are not numbers before allocating."
        )


@dataclass(frozen=True, eq=False)
class Linear:
    """`sum(coef * probs) <= limit` (or `>=`), once for the cohort or once for every segment code.

    coef: (n, k). limit: a number, or (codes,) indexed by segment code. segment: (n,) integer codes; a
    negative code leaves the user out of every sum. Raises GuardrailError for numbers that are not finite.
    """

    name: str
    coef: NDArray[np.floating]  # (n, k)
    limit: float | Floats
    sense: Literal["<=", ">="] = "<="
    segment: NDArray[np.integer] | None = None  # (n,)

    def __post_init__(self) -> None:
        _finite(self.name, "coef", self.coef, 2)
        if self.sense not in ("<=", ">="):
            raise GuardrailError(f"{self.name}: sense must be '<=' or '>=', got {self.sense!r}.")
        limit = np.asarray(self.limit, dtype=np.float64)
        if not np.isfinite(limit).all():
            raise GuardrailError(f"{self.name}: limit must be finite, got {self.limit}. Drop the row instead.")
        if self.segment is not None:
            self._check_segment(limit, np.asarray(self.segment))
        elif limit.ndim:
            raise GuardrailError(f"{self.name}: {limit.size} limits but no segment. Give segment codes or one limit.")

    def _check_segment(self, limit: Floats, segment: NDArray[np.integer]) -> None:
        if segment.shape != (len(self.coef),) or not np.issubdtype(segment.dtype, np.integer):
            raise GuardrailError(
                f"{self.name}: segment must be one integer code for each of {len(self.coef)} users, "
                f"got shape {segment.shape} of {segment.dtype}."
            )
        if limit.ndim and int(segment.max(initial=-1)) >= limit.size:
            raise GuardrailError(
                f"{self.name}: segment code {int(segment.max())} has no limit among the {limit.size} given."
            )


@dataclass(frozen=True, eq=False)
class Robust:
    """`sum(mean * probs) + radius * |sum(factor * probs)| <= limit`: kept for every belief in an ellipsoid.

    mean: (n, k). factor: (n, k, p), the columns of a square root of the pooled posterior covariance. The norm
    is Euclidean over p. radius: standard deviations, >= 0.
    """

    name: str
    mean: NDArray[np.floating]  # (n, k)
    factor: NDArray[np.floating]  # (n, k, p)
    radius: float
    limit: float

    def __post_init__(self) -> None:
        _finite(self.name, "mean", self.mean, 2)
        _finite(self.name, "factor", self.factor, 3)
        if self.factor.shape[:2] != self.mean.shape:
            raise GuardrailError(f"{self.name}: factor {self.factor.shape} does not match mean {self.mean.shape}.")
        if not np.isfinite(self.limit) or not (np.isfinite(self.radius) and self.radius >= 0):
            raise GuardrailError(
                f"{self.name}: limit must be finite and radius >= 0, got limit {self.limit} and radius {self.radius}."
            )

    def cut(self, direction: Floats) -> Linear:
        """The linear row this robust row implies along `direction` (p,), a vector of length at most 1."""
        along = np.asarray(self.factor, dtype=np.float64) @ direction
        return Linear(self.name, np.asarray(self.mean, dtype=np.float64) + self.radius * along, self.limit)
