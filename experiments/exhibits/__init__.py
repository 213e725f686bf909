"""What a run keeps so that it can be shown: who went which way, how it failed whom, and some lives in full.

Counts are of all users and of every run. What is kept user by user is of a sample, and of the study's first seed alone:
`people` in a few weeks with everything that can be known of them, `lives` of fewer users in every week. The truth is in
these tables: they are for reports and never for agents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.exhibits.failures import failures
from experiments.exhibits.funnel import funnel
from experiments.exhibits.lived import LivedWeek
from experiments.exhibits.people import life_rows, person_rows
from experiments.exhibits.segments import segments

__all__ = ["EXHIBITS", "Exhibits", "LivedWeek"]

EXHIBITS = ("funnel", "failures", "segments", "people", "lives")
"""Tables that a run leaves beside its results; any of them may be missing."""

PEOPLE, LIVES = 1_000, 200
"""Most users in a sample."""

_SNAPSHOTS, _JUDGED = 3, 6  # of `people` and `failures`: so many even steps through the run


@dataclass
class Exhibits:
    """Remembers a run while it goes on. archetype: (n,) codes; by_user: whether samples of users are kept."""

    arm_names: Sequence[str]
    feature_names: Sequence[str]
    archetype: NDArray[np.integer]
    weeks: int
    by_user: bool
    rows: dict[str, list[pd.DataFrame]] = field(default_factory=lambda: {name: [] for name in EXHIBITS})

    def enter(self, lived: LivedWeek) -> None:
        """Take in a week."""
        self.rows["funnel"].append(funnel(lived))
        self.rows["segments"].append(segments(lived, self.archetype))
        if lived.log.week in even_weeks(self.weeks, _JUDGED):
            self.rows["failures"].append(failures(lived, self.archetype))
        if not self.by_user:
            return
        if lived.log.week in even_weeks(self.weeks, _SNAPSHOTS):
            names = (self.arm_names, self.feature_names)
            self.rows["people"].append(person_rows(lived, spread(lived.log.n, PEOPLE), self.archetype, *names))
        self.rows["lives"].append(life_rows(lived, spread(lived.log.n, LIVES), self.archetype, self.arm_names))

    def tables(self) -> dict[str, pd.DataFrame]:
        """One table for each exhibit that was kept."""
        return {name: pd.concat(parts, ignore_index=True) for name, parts in self.rows.items() if parts}


def even_weeks(weeks: int, steps: int) -> frozenset[int]:
    """First and last week, and those that divide the time between into even steps."""
    return frozenset(int(w) for w in np.linspace(0, weeks - 1, min(steps + 1, weeks)).round())


def spread(n: int, most: int) -> NDArray[np.intp]:
    """Rows of at most so many users, evenly spread by id."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).astype(np.intp))
