"""Rows to learn effects from: what was seen of a user, what was done, with which chance, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rage_env.errors import LogError

__all__ = ["Trial", "fold_of", "halves"]

_GOLDEN, _MIX = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9)


@dataclass(frozen=True, eq=False)
class Trial:
    """Rows to learn effects from. Arrays share their first axis."""

    features: NDArray[np.float32]  # (rows, d)
    arm: NDArray[np.int64]  # (rows,)
    outcome: NDArray[np.float64]  # (rows,), larger is better
    propensity: NDArray[np.float64]  # (rows,) of the arm taken
    user_id: NDArray[np.int64]  # (rows,)

    def __post_init__(self) -> None:
        if not ((self.propensity > 0) & (self.propensity <= 1)).all():
            row = int(np.argmin((self.propensity > 0) & (self.propensity <= 1)))
            raise LogError(f"trial row {row}: propensity must lie in (0, 1], got {self.propensity[row]}")
        if not (np.isfinite(self.features).all() and np.isfinite(self.outcome).all()):
            raise LogError("trial: features and outcomes must be finite; drop or mend rows with NaN before fitting")

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """The rows as plain arrays."""
        return {f: getattr(self, f) for f in self.__dataclass_fields__}

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[np.generic]], prefix: str = "") -> Trial:
        """Inverse of arrays, from names under `prefix`."""
        return cls(
            arrays[f"{prefix}features"].astype(np.float32),
            arrays[f"{prefix}arm"].astype(np.int64),
            arrays[f"{prefix}outcome"].astype(np.float64),
            arrays[f"{prefix}propensity"].astype(np.float64),
            arrays[f"{prefix}user_id"].astype(np.int64),
        )

    def rows(self, keep: NDArray[np.bool_] | NDArray[np.intp]) -> Trial:
        """Those rows that `keep` picks: (rows,) bool, or positions (m,)."""
        return Trial(*(getattr(self, f)[keep] for f in self.__dataclass_fields__))


def fold_of(user_id: NDArray[np.int64], seed: int = 0) -> NDArray[np.int64]:
    """(rows,) 0 or 1 by a hash of the user, the same in every week."""
    mixed = (user_id.astype(np.uint64) + np.uint64(2 * seed + 1)) * _GOLDEN
    mixed ^= mixed >> np.uint64(29)
    return ((mixed * _MIX) >> np.uint64(63)).astype(np.int64)


def halves(user_id: NDArray[np.int64], pairs: int, seed: int = 0) -> NDArray[np.bool_]:
    """(2 pairs, rows) halves of the users, each beside its complement (Shah and Samworth 2013)."""
    ones = [fold_of(user_id, seed + 7_919 * j) == 1 for j in range(pairs)]
    return np.stack([half for one in ones for half in (one, ~one)])
