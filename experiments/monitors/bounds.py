"""Bounds that outcomes are known to keep, declared before the data: without them a bounded method has no standing."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.monitors.batch import Batch
from rage_env.errors import ConfigError

__all__ = ["Bounds"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Bounds:
    """Outcomes lie in [least, most] for certain; `limit` is the mean that is tested. Raises ConfigError."""

    limit: float
    least: float
    most: float

    def __post_init__(self) -> None:
        finite = math.isfinite(self.least) and math.isfinite(self.most)
        if not (finite and self.least < self.most and self.least <= self.limit <= self.most):
            raise ConfigError(
                f"limit: must lie in [least, most], both finite; got {self.limit} in [{self.least}, {self.most}]"
            )

    @property
    def share(self) -> float:
        """The limit on [0, 1]."""
        return (self.limit - self.least) / (self.most - self.least)

    def on_unit(self, outcome: Floats) -> Floats:
        """(...) outcomes on [0, 1]."""
        return np.asarray((outcome - self.least) / (self.most - self.least), np.float64)

    def back(self, share: float) -> float:
        """Inverse of on_unit."""
        return self.least + (self.most - self.least) * share

    def column(self, batch: Batch, name: str = "value") -> Floats:
        """(n,) a column on [0, 1]. Raises LogError naming the first row out of bounds."""
        held: Floats = getattr(batch, name)
        outside = (held < self.least) | (held > self.most)
        batch.refuse(outside, name, f"must lie in the declared bounds [{self.least:g}, {self.most:g}]")
        return self.on_unit(held)
