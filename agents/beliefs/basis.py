"""Features on a common scale, and the functions of them that beliefs are linear in.

The scale is robust (median, winsorised spread) and frozen with the first rows seen, so that a coefficient means
the same in every week.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["Basis", "with_one"]

Floats32 = NDArray[np.float32]
_FAR = 4.0
_QUARTER = np.float32(0.25)


@dataclass(frozen=True, eq=False)
class Basis:
    """centre, scale: (d,). A feature that never varied has scale 0 and reads as 0 everywhere."""

    centre: NDArray[np.float64]
    scale: NDArray[np.float64]

    @classmethod
    def fit(cls, features: NDArray[np.floating]) -> Self:
        """From rows (n, d): median, and the larger of IQR / 1.349 and the sd within the central 99 %."""
        rows = np.asarray(features, dtype=np.float64)
        if not len(rows):
            return cls(np.zeros(rows.shape[1]), np.zeros(rows.shape[1]))
        low, q1, centre, q3, high = np.quantile(rows, (0.005, 0.25, 0.5, 0.75, 0.995), axis=0)
        spread = np.clip(rows, low, high).std(axis=0)
        scale = np.maximum((q3 - q1) / 1.349, spread)
        return cls(centre, np.where(scale > 1e-9 * (1 + np.abs(centre)), scale, 0.0))

    def z(self, features: NDArray[np.floating]) -> Floats32:
        """(n, d) standardised features, cut at 4 spreads."""
        inverse = np.divide(1.0, self.scale, out=np.zeros_like(self.scale), where=self.scale > 0)
        z = (np.asarray(features, dtype=np.float32) - self.centre.astype(np.float32)) * inverse.astype(np.float32)
        return np.clip(z, -_FAR, _FAR, out=z)


def squares(z: Floats32) -> Floats32:
    """(n, 1 + 2 d): one, z and its square, for curves."""
    return _begun(z, 2)


def curves(z: Floats32) -> Floats32:
    """(n, 1 + 3 d): one, z, its square and its exponential, for amounts that were seen as logarithms."""
    rows = _begun(z, 3)
    grown = np.minimum(z, np.float32(3.0))
    np.exp(grown, out=grown)
    np.multiply(grown, _QUARTER, out=rows[:, 1 + 2 * z.shape[1] :])
    return rows


def _begun(z: Floats32, parts: int) -> Floats32:
    """(n, 1 + parts d) with one, z and its square in place, each written once: a week makes many such rows.

    Laid out in memory as z is, which products of matrices show in their last bits.
    """
    n, d = z.shape
    by_column = z.strides[0] < z.strides[1]
    rows = np.empty((n, 1 + parts * d), np.float32, order="F" if by_column else "C")
    rows[:, 0], rows[:, 1 : 1 + d] = 1.0, z
    square = rows[:, 1 + d : 1 + 2 * d]
    np.multiply(z, z, out=square)
    square *= _QUARTER
    return rows


def with_one(x: Floats32) -> Floats32:
    """(n, 1 + q): a leading column of ones."""
    return np.concatenate([np.ones((len(x), 1), np.float32), x], axis=1)
