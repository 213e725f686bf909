"""What monitors share that take each unit in once and keep sums by batch: shards add up, states are recounted."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from experiments.monitors.batch import Batch
from experiments.monitors.interface import Monitor, MonitorState
from experiments.monitors.once import Seen
from rage_env.errors import LogError

__all__ = ["TallyMonitor"]


class TallyMonitor(Monitor):
    """Remembers who has entered and, a row a batch, the week and its sums; every state follows from these rows."""

    def __init__(self, sums: int) -> None:
        super().__init__()
        self._seen = Seen()
        self._records = np.empty((0, 1 + sums))  # (batches, 1 + sums) week, then sums over the batch

    @abstractmethod
    def _now(self, batches: int) -> MonitorState:
        """Where things stand after the first `batches` rows."""

    def _tallied(self, batch: Batch, sums: Sequence[float] | NDArray[np.integer]) -> MonitorState:
        """Enter a batch that has passed every check."""
        self._records = np.vstack([self._records, [batch.week, *sums]])
        return self._now(len(self._records))

    def _refuse_second_batch(self, batch: Batch) -> None:
        """Raise LogError where this week came already, or a unit has two rows."""
        if self.week == batch.week:
            raise LogError(f"{self.kind}: week {batch.week} was fed already; merge shards instead")
        again = batch.repeated()
        if len(again):
            row = int(np.flatnonzero(batch.unit == again[0])[1])
            raise LogError(
                f"{self.kind}: week {batch.week}, row {row}: unit {again[0]} comes a second time; one row a week"
            )

    def merge(self, other: Self) -> Self:
        """A monitor over the units of both shards."""
        self._check_partner(other)
        if self._records[:, 0].tolist() != other._records[:, 0].tolist():
            raise LogError(f"{self.kind}: shards took in different weeks; merge them after the same batches")
        both = copy.copy(self)
        both._seen = self._seen.merged(self.kind, other._seen)
        both._records = np.column_stack([self._records[:, 0], self._records[:, 1:] + other._records[:, 1:]])
        both.states = [both._now(i) for i in range(1, len(both._records) + 1)]
        return both

    def _arrays(self) -> dict[str, NDArray[np.generic]]:
        return {"seen": self._seen.unit, "records": self._records}

    def _restore(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        self._seen, self._records = Seen(arrays["seen"].astype(np.int64)), arrays["records"].astype(np.float64)
