"""Lives all cells, in blocks of seeds that are kept on disk: the same command goes on where it was stopped."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from experiments import estimators
from experiments.against_truth.cells import FULL_SEEDS, Cell
from experiments.against_truth.marks import marked, path_effects
from experiments.against_truth.tails import QUESTIONS
from experiments.away import Brought, brought_from
from experiments.executor import Executor, RayCluster, map_tasks
from experiments.progress import Progress
from experiments.storage import read_table, write_table

__all__ = ["Found", "study"]

BLOCK = 10
FIRST_SEED = 3001
"""Seeds before were used to choose the limits of the report."""


@dataclass(frozen=True)
class Task:
    """Some seeds of a cell, and where their rows go."""

    cell: Cell
    first: int
    last: int  # included
    folder: str

    @property
    def full(self) -> bool:
        """All targets are valued, and paths followed."""
        return self.first < FIRST_SEED + FULL_SEEDS

    @property
    def seeds(self) -> range:
        """The seeds of the block."""
        return range(self.first, self.last + 1)

    def place(self, table: str) -> Path:
        """File of one of its tables."""
        return Path(self.folder) / f"{self.cell.name}-{_key(self.cell)}" / f"{table}-{self.first}-{self.last}.parquet"


@dataclass(frozen=True, eq=False)
class Found:
    """All rows of one cell. path: of its world, whatever wrote the log. tails: of its first seeds."""

    cell: Cell
    answers: pd.DataFrame
    verdicts: pd.DataFrame
    path: pd.DataFrame
    tails: pd.DataFrame


def study(
    cells: Sequence[Cell],
    out: Path,
    workers: int = 2,
    seeds: int | None = None,
    *,
    told: bool = True,
    executor: Executor = "process",
) -> list[Found]:
    """Every cell on fresh cohorts. out: blocks are kept there between starts. seeds: at most so many a cell."""
    tasks = [task for cell in cells for task in _tasks(cell, out, seeds)]
    missing = [t for t in tasks if not t.place("verdicts").exists()]
    progress = Progress(len(tasks), enabled=told)
    if len(missing) < len(tasks):
        progress.line(f"{len(tasks) - len(missing)} of {len(tasks)} blocks were finished before and are kept")
    done = len(tasks) - len(missing)
    missing.sort(key=lambda task: task.first)  # every cell has its first seeds soon
    for name in _lived(missing, out, executor, workers):
        done += 1
        progress.line(f"{done}/{len(tasks)} {name}")
    return [_found(cell, [t for t in tasks if t.cell == cell], tasks) for cell in cells]


def _tasks(cell: Cell, folder: Path, seeds: int | None) -> list[Task]:
    count = cell.seeds if seeds is None else min(seeds, cell.seeds)
    starts = range(FIRST_SEED, FIRST_SEED + count, BLOCK)
    return [Task(cell, s, min(s + BLOCK, FIRST_SEED + count) - 1, str(folder)) for s in starts]


def _live(task: Task) -> str:
    """Live a block and write its tables; the last one written marks it as finished."""
    rows = [marked(task.cell, seed, full=task.full) for seed in task.seeds]
    write_table(task.place("answers"), pd.concat([row.answers for row in rows], ignore_index=True))
    if task.full:
        write_table(task.place("tails"), pd.concat([row.tails for row in rows], ignore_index=True))
    if _rolls_out(task):
        write_table(task.place("path"), pd.DataFrame([path_effects(task.cell, seed) for seed in task.seeds]))
    write_table(task.place("verdicts"), pd.concat([row.verdicts for row in rows], ignore_index=True))
    return f"{task.cell.name}, seeds {task.first} to {task.last}"


def _lived(tasks: Sequence[Task], out: Path, executor: Executor, workers: int) -> Iterator[str]:
    """Names of blocks as they are finished and on disk here."""
    if isinstance(executor, RayCluster):
        for brought in map_tasks(_live_away, tasks, executor=executor, workers=workers):
            yield brought.put_down(out)
        return
    yield from map_tasks(_live, tasks, executor=executor, workers=workers)


def _live_away(task: Task) -> Brought[str]:
    """The same on another machine, which sends the tables back."""
    return brought_from(lambda folder: _live(replace(task, folder=str(folder))), {})


def _rolls_out(task: Task) -> bool:
    """Paths do not depend on the log, so one cell of a world rolls them out."""
    return task.cell.logging == "uniform" and task.full


def _found(cell: Cell, mine: Sequence[Task], every: Sequence[Task]) -> Found:
    of_world = [t for t in every if t.cell.world == cell.world and _rolls_out(t)]
    tables = {
        name: pd.concat([read_table(t.place(name)) for t in tasks], ignore_index=True) if tasks else pd.DataFrame()
        for name, tasks in (
            ("answers", mine),
            ("verdicts", mine),
            ("path", of_world),
            ("tails", [t for t in mine if t.full]),
        )
    }
    return Found(cell, **tables)


def _key(cell: Cell) -> str:
    """Another set of estimators or questions, or another world, is another study."""
    about = repr((cell.world, estimators.names(), QUESTIONS))
    return hashlib.sha256(about.encode()).hexdigest()[:12]
