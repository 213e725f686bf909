"""Observation spaces of a cohort: bounds of one user shared by all, held as views instead of copies."""

from __future__ import annotations

import numpy as np
from gymnasium.spaces import Box, Space
from numpy.typing import NDArray

__all__ = ["BroadcastBox"]


class BroadcastBox(Box):
    """Box of shape (n, d) whose bounds are broadcast views of (d,) arrays; a copy would cost 10 d bytes a user."""

    def __init__(self, low: NDArray[np.float32], high: NDArray[np.float32], n: int) -> None:
        shape = (n, len(low))
        self.dtype = np.dtype(np.float32)
        self._shape = shape
        self.low = np.broadcast_to(low, shape)
        self.high = np.broadcast_to(high, shape)
        self.bounded_below = np.broadcast_to(np.ones(len(low), np.bool_), shape)
        self.bounded_above = np.broadcast_to(np.ones(len(low), np.bool_), shape)
        self.low_repr = str(low.min())
        self.high_repr = str(high.max())
        Space.__init__(self, shape, self.dtype, None)
