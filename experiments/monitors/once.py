"""Units that may enter a monitor one time only: who has been, and the refusal of who comes again."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from experiments.monitors.batch import Batch
from rage_env.errors import LogError

__all__ = ["Assigned", "Seen"]


@dataclass(frozen=True, eq=False)
class Assigned:
    """The group each unit was first seen in; it keeps it."""

    unit: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))  # (m,) sorted
    group: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))  # (m,)

    def joined(self, kind: str, batch: Batch) -> Assigned:
        """With this batch's units. Raises LogError naming unit and row where one has moved."""
        groups = batch.groups()
        if len(self.unit):
            place = np.minimum(np.searchsorted(self.unit, batch.unit), len(self.unit) - 1)
            known = self.unit[place] == batch.unit
            moved = np.flatnonzero(known & (self.group[place] != groups))
            if len(moved):
                row = int(moved[0])
                raise LogError(
                    f"{kind}: week {batch.week}, row {row}: unit {batch.unit[row]} is in two groups, now "
                    f"{groups[row]}, before {self.group[place[row]]}; groups are fixed by assignment"
                )
            if known.all():
                return self
            return self._with(batch.unit[~known], groups[~known])
        return self._with(batch.unit, groups)

    def merged(self, other: Assigned) -> Assigned:
        """Both shards' units. Raises LogError where they share one."""
        shared = np.intersect1d(self.unit, other.unit)
        if len(shared):
            raise LogError(f"unit {shared[0]} is in both shards; every unit belongs to one shard")
        return self._with(other.unit, other.group)

    def _with(self, unit: NDArray[np.int64], group: NDArray[np.int64]) -> Assigned:
        units, groups = np.concatenate([self.unit, unit]), np.concatenate([self.group, group])
        order = np.argsort(units, kind="stable")
        return Assigned(units[order], groups[order])


@dataclass(frozen=True, eq=False)
class Seen:
    """Ids of the units that have entered."""

    unit: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))  # (m,) sorted

    def before(self, units: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of `units` (n,) that have entered already."""
        if not len(self.unit):
            return units[:0]
        place = np.minimum(np.searchsorted(self.unit, units), len(self.unit) - 1)
        known: NDArray[np.bool_] = self.unit[place] == units
        return units[known]

    def refuse_again(self, kind: str, batch: Batch, way_out: str, *, rows_apart: bool = True) -> None:
        """Raise LogError naming a unit that has been before, or comes twice in the batch where `rows_apart`."""
        again = self.before(batch.unit)
        if rows_apart:
            again = np.concatenate([batch.repeated(), again])
        if len(again):
            row = int(np.flatnonzero(batch.unit == again[0])[-1])
            raise LogError(f"{kind}: week {batch.week}, row {row}: unit {again[0]} comes a second time; {way_out}")

    def joined(self, other: NDArray[np.int64]) -> Seen:
        """With these units too, none of which has been before."""
        return Seen(np.sort(np.concatenate([self.unit, other]), kind="stable"))  # a merge where both are sorted

    def merged(self, kind: str, other: Seen) -> Seen:
        """Both shards' units. Raises LogError where they share one."""
        shared = np.intersect1d(self.unit, other.unit)
        if len(shared):
            raise LogError(f"{kind}: unit {shared[0]} is in both shards; every unit belongs to one shard")
        return self.joined(other.unit)
