"""Units that may enter a monitor one time only: who has been, and the refusal of who comes again."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from experiments.monitors.batch import Batch
from rage_env.errors import LogError

__all__ = ["Seen"]


@dataclass(frozen=True, eq=False)
class Seen:
    """Ids of the units that have entered."""

    unit: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))  # (m,) sorted

    def again(self, batch: Batch) -> NDArray[np.int64]:
        """Units of the batch that have been before, or that come twice in it."""
        before = batch.unit[np.isin(batch.unit, self.unit)] if len(self.unit) else batch.unit[:0]
        return np.concatenate([batch.repeated(), before])

    def refuse_again(self, kind: str, batch: Batch, way_out: str) -> None:
        """Raise LogError naming a unit that comes a second time."""
        again = self.again(batch)
        if len(again):
            raise LogError(f"{kind}: week {batch.week}: unit {again[0]} comes a second time; {way_out}")

    def joined(self, other: NDArray[np.int64]) -> Seen:
        """With these units too."""
        return Seen(np.union1d(self.unit, other))

    def merged(self, kind: str, other: Seen) -> Seen:
        """Both shards' units. Raises LogError where they share one."""
        shared = np.intersect1d(self.unit, other.unit)
        if len(shared):
            raise LogError(f"{kind}: unit {shared[0]} is in both shards; every unit belongs to one shard")
        return self.joined(other.unit)
