"""The ledger of the week just lived, as a cohort keeps it: what is known late is mostly 0 and is kept by its rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rage_env.outcomes import COLUMNS
from rage_env.week import Columns

__all__ = ["Booked"]


@dataclass(frozen=True, eq=False)
class Booked(Mapping[str, NDArray[np.float32]]):
    """{column: (n,) float32} of all columns; a late one is written out anew each time it is asked for."""

    n: int
    at_once: Columns  # (n,) each
    rows: NDArray[np.intp]  # (m,) where something is to be reported
    late: Columns  # (m,) each; elsewhere they are 0

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        if name not in self.late:
            return self.at_once[name]
        out = np.zeros(self.n, np.float32)
        out[self.rows] = self.late[name]
        return out

    def __iter__(self) -> Iterator[str]:
        return iter(COLUMNS)

    def __len__(self) -> int:
        return len(COLUMNS)
