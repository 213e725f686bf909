"""What is kept of past weeks: burn-in weeks until they are used, and who was in which cell while reports come in."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from rage_env.log import Reports, WeekLog
from rage_env.outcomes import IMMEDIATE

__all__ = ["Buffer", "Cells"]

Arrays = Mapping[str, NDArray[np.generic]]
_WEEK = ("user_id", "unit", "present", "arm", "propensity", "features")


class Buffer:
    """Weeks and reports in the order they came."""

    def __init__(self) -> None:
        self.weeks: list[WeekLog] = []
        self.reports: list[Reports] = []

    def add(self, week: WeekLog, reports: Reports) -> None:
        """Keep one week with what was reported in it."""
        self.weeks.append(week)
        self.reports.append(reports)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """State as plain arrays."""
        out: dict[str, NDArray[np.generic]] = {"weeks": np.array([w.week for w in self.weeks], np.int64)}
        for i, (week, reports) in enumerate(zip(self.weeks, self.reports, strict=True)):
            out |= {f"{i}/{f}": getattr(week, f) for f in _WEEK}
            out |= {f"{i}/columns/{c}": week.columns[c] for c in IMMEDIATE}
            out |= {f"{i}/reports/{f}": getattr(reports, f) for f in Reports.__dataclass_fields__}
        return out

    def restore(self, arrays: Arrays) -> None:
        """Inverse of arrays."""
        self.weeks, self.reports = [], []
        for i, week in enumerate(arrays["weeks"].tolist()):
            fields = {f: arrays[f"{i}/{f}"] for f in _WEEK}
            columns = {c: np.asarray(arrays[f"{i}/columns/{c}"], np.float32) for c in IMMEDIATE}
            self.weeks.append(
                WeekLog(
                    week=week,
                    user_id=fields["user_id"].astype(np.int64),
                    unit=fields["unit"].astype(np.int64),
                    present=fields["present"].astype(np.bool_),
                    arm=fields["arm"].astype(np.int64),
                    propensity=fields["propensity"].astype(np.float32),
                    features=fields["features"].astype(np.float32),
                    columns=columns,
                )
            )
            reported = {f: arrays[f"{i}/reports/{f}"] for f in Reports.__dataclass_fields__}
            self.reports.append(
                Reports(
                    reported["user_id"].astype(np.int64),
                    reported["accrual_week"].astype(np.int32),
                    reported["reported_week"].astype(np.int32),
                    reported["column"].astype(np.int8),
                    reported["amount"].astype(np.float32),
                )
            )


class Cells:
    """Flat cell (arm, stratum) of each user in each of the last `weeks` weeks."""

    def __init__(self, weeks: int) -> None:
        self.weeks = weeks
        self.held: dict[int, tuple[NDArray[np.int64], NDArray[np.int16]]] = {}

    def add(self, week: int, user_id: NDArray[np.int64], cell: NDArray[np.intp]) -> None:
        """Note a week; weeks too old for reports are dropped."""
        order = np.argsort(user_id, kind="stable")
        self.held[week] = user_id[order], cell[order].astype(np.int16)
        for old in [w for w in self.held if w < week - self.weeks]:
            del self.held[old]

    def find(self, week: NDArray[np.integer], user_id: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """Cells of the user-weeks that are known, and which of the rows (events,) these are."""
        cell = np.full(len(user_id), -1, np.intp)
        for w in np.unique(week).tolist():
            if w not in self.held:
                continue
            rows = np.flatnonzero(week == w)
            ids, cells = self.held[w]
            if len(ids):
                at = np.minimum(np.searchsorted(ids, user_id[rows]), len(ids) - 1)
                cell[rows] = np.where(ids[at] == user_id[rows], cells[at], -1)
        known = cell >= 0
        return cell[known], known

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """State as plain arrays."""
        out: dict[str, NDArray[np.generic]] = {}
        for week, (ids, cells) in self.held.items():
            out |= {f"{week}/user_id": ids, f"{week}/cell": cells}
        return out

    def restore(self, arrays: Arrays) -> None:
        """Inverse of arrays."""
        weeks = sorted(int(name.split("/")[0]) for name in arrays if name.endswith("/cell"))
        self.held = {w: (arrays[f"{w}/user_id"].astype(np.int64), arrays[f"{w}/cell"].astype(np.int16)) for w in weeks}
