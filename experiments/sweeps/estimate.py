"""What a sweep will take: each agent is tried for two short lengths, and the rest is a straight line.

A run's cost is a fixed part (a world opened, an oracle fitted) and one a week. Both are measured in the population of
the sweep, up to `MOST_USERS`, beyond which they are taken to grow with users. Processor seconds are measured, not wall
time, so other work on the machine does not count. Learners refit on longer histories as weeks go by, which no short
trial sees: expect such a sweep to take somewhat longer.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from experiments.config import AgentEntry, ExperimentConfig
from experiments.results import Results
from experiments.study_task import Task, run_task
from experiments.sweeps.folder import Placed
from experiments.threads import one_thread

__all__ = ["MOST_USERS", "Due", "Estimate", "estimate"]

MOST_USERS = 5_000
SHORT, LONG = 2, 4
_PER_CELL_S = 3.0  # figures and tables of a cell: assumed


@dataclass(frozen=True)
class Due:
    """A cell before it is run: runs there will be, those finished, processor seconds and bytes still to come."""

    cell: str
    runs: int
    finished: int
    seconds: float
    bytes: float


@dataclass(frozen=True)
class Estimate:
    """seconds: wall time on `workers` processes with a core each."""

    cells: tuple[Due, ...]
    workers: int

    @property
    def seconds(self) -> float:
        """Cells are whole: no fewer than the longest, no more than all one after the other."""
        each = [cell.seconds for cell in self.cells]
        return max(max(each, default=0.0), sum(each) / self.workers)

    @property
    def bytes(self) -> float:
        """Disk that the rest will take."""
        return sum(cell.bytes for cell in self.cells)


@dataclass(frozen=True)
class _Cost:
    fixed: float
    per_week: float

    def of(self, weeks: int) -> float:
        return self.fixed + self.per_week * weeks


class _Trials:
    """Runs each agent once for two lengths; remembers what that took, and which seed's control was lived last."""

    def __init__(self) -> None:
        self._agents: dict[object, tuple[_Cost, _Cost]] = {}
        self._shared: dict[object, _Cost] = {}
        self._turn = 0

    def of(self, config: ExperimentConfig, entry: AgentEntry | None) -> tuple[_Cost, _Cost]:
        """(processor seconds, bytes) of one run of the agent, or of a seed's groups."""
        self.shared(config, entry)
        key = (entry.model_dump_json() if entry else "ab", config.scenario, config.users, config.keep_logs)
        if key not in self._agents:
            self._turn += 1  # another seed, so that its control is lived anew: only the first agent of a seed does that
            self._agents[key] = _tried(config, entry, self._turn % 2)
        return self._agents[key]

    def shared(self, config: ExperimentConfig, entry: AgentEntry | None) -> _Cost:
        """Processor seconds of what a cell does once for all its runs: the oracle's fit."""
        key = (config.scenario, config.users)
        if key not in self._shared:
            cold, warm = _tried(config, entry, 0)[0], _tried(config, entry, 1)[0]
            self._turn = 1
            parts = (cold.fixed - warm.fixed, cold.per_week - warm.per_week)
            self._shared[key] = _Cost(*(max(0.0, part) for part in parts))
        return self._shared[key]


def estimate(cells: Sequence[Placed], workers: int) -> Estimate:
    """Tries each agent once for each size of population, world left as in the first cell that has both."""
    one_thread()
    trials = _Trials()
    return Estimate(tuple(_due(cell, trials) for cell in cells), workers)


def _due(placed: Placed, trials: _Trials) -> Due:
    config, left = placed.cell.config, 1 - placed.finished / placed.runs
    if not left:
        return Due(placed.cell.name, placed.runs, placed.finished, 0.0, 0.0)
    entries: list[AgentEntry | None] = [None] if config.mode == "ab" else [*config.agents]
    costs = [trials.of(config, entry) for entry in entries]
    seconds, size = (len(config.seeds) * sum(c[i].of(config.weeks) for c in costs) for i in (0, 1))
    once = trials.shared(config, entries[0]).of(config.weeks) + _PER_CELL_S
    return Due(placed.cell.name, placed.runs, placed.finished, left * seconds + once, left * size)


def _tried(config: ExperimentConfig, entry: AgentEntry | None, turn: int) -> tuple[_Cost, _Cost]:
    """Straight lines through two short runs; a population beyond MOST_USERS is scaled up. turn: which of two seeds."""
    users = min(config.users, MOST_USERS)
    short, long = (_one(config, entry, users, weeks, turn) for weeks in (SHORT, LONG))
    seconds, size = (_line(a, b, config.users / users) for a, b in zip(short, long, strict=True))
    return seconds, size


def _line(short: float, long: float, scale: float) -> _Cost:
    per_week = max(0.0, long - short) / (LONG - SHORT)
    return _Cost(scale * max(0.0, short - SHORT * per_week), scale * per_week)


def _one(config: ExperimentConfig, entry: AgentEntry | None, users: int, weeks: int, turn: int) -> tuple[float, float]:
    seeds = (config.seeds[0], (config.seeds[0] + 1) % 2**32)
    short = config.model_copy(update={"users": users, "weeks": weeks, "monitors": (), "seeds": seeds})
    with TemporaryDirectory() as folder:
        results = Results.create(folder, short)
        began = time.process_time()
        run_task(Task(short, entry, seeds[turn], results.path))
        return time.process_time() - began, float(sum(_sizes(results.path / "runs")))


def _sizes(folder: Path) -> Iterator[int]:
    return (file.stat().st_size for file in folder.rglob("*") if file.is_file())
