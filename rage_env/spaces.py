"""Observation spaces of a cohort: bounds of one user shared by all, held as views instead of copies."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from gymnasium.spaces import Box, Space
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

__all__ = ["BroadcastBox"]

Item = TypeVar("Item", bound=np.generic)


class BroadcastBox(Box):
    """Box of shape (n, d) whose bounds are views of (d,) arrays; a copy would cost 10 d bytes a user.

    Whoever writes into a bound writes into every user's.
    """

    def __init__(self, low: NDArray[Any], high: NDArray[Any], n: int) -> None:  # Any: float32, or int8 for masks
        self.dtype = low.dtype
        self._shape = (n, len(low))
        self.low, self.high = _for_all(low, n), _for_all(high, n)
        self.bounded_below = _for_all(np.ones(len(low), np.bool_), n)
        self.bounded_above = _for_all(np.ones(len(low), np.bool_), n)
        self.low_repr = str(low.min())
        self.high_repr = str(high.max())
        Space.__init__(self, self._shape, self.dtype, None)


def _for_all(bound: NDArray[Item], n: int) -> NDArray[Item]:
    """(n, d) view of a copy of one user's (d,); writable, since PyTorch warns of arrays that are not."""
    own = bound.copy()
    return as_strided(own, (n, len(own)), (0, own.itemsize), writeable=True)
