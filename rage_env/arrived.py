"""Reports of one week beside the slots of the people they are about, sorted so that each chunk finds its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from rage_env.log import Reports

__all__ = ["Arrived"]


@dataclass(frozen=True, eq=False)
class Arrived:
    """Reports in the order of their chunks; within a chunk as they came."""

    reports: Reports
    slot: NDArray[np.int64]  # (len(reports),)
    size: int  # slots of a chunk
    ends: NDArray[np.int64]  # (chunks up to the last with a report,) places in `reports`

    @classmethod
    def of(cls, reports: Reports, slot: NDArray[np.int64], size: int) -> Self:
        """These reports for chunks of this size. slot: of each report."""
        chunk = slot // size
        order = np.argsort(chunk.astype(np.min_scalar_type(chunk.max(initial=0))), kind="stable")  # short ints: radix
        return cls(reports.where(order), slot[order], size, np.cumsum(np.bincount(chunk)))

    def within(self, rows: slice) -> tuple[Reports, NDArray[np.int64]]:
        """The reports of one chunk, and their places in it. rows: the chunk, whole."""
        at = rows.start // self.size
        if at >= len(self.ends):
            return Reports.empty(), np.empty(0, np.int64)
        mine = slice(self.ends[at - 1] if at else 0, self.ends[at])
        return self.reports.where(mine), self.slot[mine] - rows.start
