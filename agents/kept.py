"""Rows of an agent's own log that it keeps to fit on again: a sample of every week, the same at any chunk or order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rage_env.log import WeekLog

__all__ = ["Kept", "Sample"]

_FIELDS = ("features", "arm", "propensity", "user_id")


@dataclass(frozen=True, eq=False)
class Sample:
    """User-weeks of users who were present. Arrays share their first axis."""

    features: NDArray[np.float32]  # (rows, d)
    arm: NDArray[np.int64]  # (rows,)
    propensity: NDArray[np.float64]  # (rows,) of the arm taken
    user_id: NDArray[np.int64]  # (rows,)
    columns: Mapping[str, NDArray[np.float32]]  # {ledger column: (rows,)}

    def rows(self, keep: NDArray[np.intp]) -> Sample:
        """Some of the rows."""
        return Sample(
            self.features[keep],
            self.arm[keep],
            self.propensity[keep],
            self.user_id[keep],
            {c: v[keep] for c, v in self.columns.items()},
        )

    @classmethod
    def joined(cls, samples: Sequence[Sample]) -> Sample:
        """All rows of all samples, at least one."""
        return cls(
            np.concatenate([s.features for s in samples]),
            np.concatenate([s.arm for s in samples]),
            np.concatenate([s.propensity for s in samples]),
            np.concatenate([s.user_id for s in samples]),
            {c: np.concatenate([s.columns[c] for s in samples]) for c in samples[0].columns},
        )


class Kept:
    """Samples by week, oldest first. columns: of the ledger, that are kept; most: rows a week."""

    def __init__(self, columns: Sequence[str], most: int, seed: int) -> None:
        self.columns, self.most, self.seed = tuple(columns), most, seed
        self.weeks: list[tuple[int, Sample]] = []

    def add(self, week: WeekLog) -> None:
        """Keep one week, or a random part of it where there are more than `most` rows."""
        here = np.flatnonzero(week.present)
        if len(here) > self.most:
            order = np.random.default_rng([self.seed, week.week % 2**32]).permutation(len(here))
            here = np.sort(here[order[: self.most]])
        sample = Sample(
            week.features[here],
            week.arm[here].astype(np.int64),
            week.propensity[here].astype(np.float64),
            week.user_id[here],
            {c: np.asarray(week.columns[c][here], dtype=np.float32) for c in self.columns},
        )
        self.weeks.append((week.week, sample))

    def begin_run(self, burn_in_weeks: int) -> None:
        """Date all weeks before the burn-in of a run that begins now."""
        count = len(self.weeks)
        self.weeks = [(i - count - burn_in_weeks, sample) for i, (_, sample) in enumerate(self.weeks)]

    def before(self, week: int, most: int) -> Sample | None:
        """At most `most` rows of weeks before `week`; None where there are none."""
        used = [s for w, s in self.weeks if w < week and len(s.arm)]
        if not used:
            return None
        joined = Sample.joined(used)
        order = np.random.default_rng([self.seed, 7, week]).permutation(len(joined.arm))
        return joined.rows(np.sort(order[:most]))

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """State as plain arrays."""
        out: dict[str, NDArray[np.generic]] = {"weeks": np.array([w for w, _ in self.weeks], np.int64)}
        for i, (_, sample) in enumerate(self.weeks):
            out |= {f"{i}/{f}": getattr(sample, f) for f in _FIELDS}
            out |= {f"{i}/columns/{c}": v for c, v in sample.columns.items()}
        return out

    def restore(self, arrays: Mapping[str, NDArray[np.generic]], prefix: str = "") -> None:
        """Inverse of arrays, from names under `prefix`."""
        self.weeks = []
        for i, week in enumerate(np.asarray(arrays[f"{prefix}weeks"]).tolist()):
            held = {f: arrays[f"{prefix}{i}/{f}"] for f in _FIELDS}
            columns = {c: arrays[f"{prefix}{i}/columns/{c}"].astype(np.float32) for c in self.columns}
            sample = Sample(
                held["features"].astype(np.float32),
                held["arm"].astype(np.int64),
                held["propensity"].astype(np.float64),
                held["user_id"].astype(np.int64),
                columns,
            )
            self.weeks.append((week, sample))
