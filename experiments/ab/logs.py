"""A group's decision log on disk, and beside it who was served in which week and why others were not."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pandas as pd

from experiments import storage
from experiments.ab.seat import Seat
from experiments.ab.view import log_of, reports_of
from experiments.config import ExperimentConfig
from experiments.runner import meta_of
from rage_env.cohort import CohortEnv
from rage_env.log import LogWriter, Reports, WeekLog

__all__ = ["GroupLog"]

_STATUS = ("served", "not reached", "stopped")


class GroupLog:
    """Rows of one group as they were lived; `served.parquet` says for every row whether its agent was in charge.

    served: by the agent; not reached: not yet, by the roll-out; stopped: on control again after an alarm.
    """

    def __init__(self, config: ExperimentConfig, env: CohortEnv, seat: Seat, seed: int, folder: Path) -> None:
        self.seat, self.folder = seat, folder
        withheld = any(a.label == seat.name and a.withhold_propensities for a in config.agents)
        self.writer = LogWriter(folder, meta_of(env, config, seat.name, seed), withhold_propensities=withheld)
        self._everyone = np.ones(len(seat.rows), np.bool_)
        self._status: list[pd.DataFrame] = []

    def __enter__(self) -> Self:
        self.writer.__enter__()
        return self

    def append(self, log: WeekLog, reports: Reports) -> None:
        """Write one week. log, reports: of the cohort."""
        mine = log_of(log, self.seat.rows, self._everyone)
        self.writer.append(mine)
        self.writer.append_reports(reports_of(reports, mine.user_id, ()))
        away = 2 if self.seat.stopped(log.week) else 1
        codes = np.where(self.seat.served[log.week], 0, away)
        status = pd.Categorical.from_codes(codes, categories=list(_STATUS))
        self._status.append(pd.DataFrame({"user_id": mine.user_id, "week": log.week, "status": status}))

    def settle(self, reports: Reports) -> None:
        """What is still to be reported when the run is over."""
        self.writer.append_reports(reports_of(reports, self.seat.user_id, ()))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.writer.__exit__(kind, error, trace)
        if self._status:
            storage.write_table(self.folder / "served.parquet", pd.concat(self._status, ignore_index=True))
