"""Runs a sweep: whole cells side by side, what is finished kept, what fails told at the end.

A cell is computed in one process, which fits an oracle and lives a seed left alone once for all its agents. The folder
`<out>/<sweep>` holds one results folder a cell, named by content: a start finds what earlier ones finished, also after
values were added to an axis, or the grid was put in another order.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from experiments import storage, study
from experiments.executor import map_tasks
from experiments.feeding import feed
from experiments.lock import only_writer
from experiments.progress import Progress
from experiments.results import Results
from experiments.sweeps.cells import Grid
from experiments.sweeps.folder import FAILURES, Placed, describe, place
from experiments.sweeps.standing import Standing, reference, standing, write_tables
from rage_env.errors import ConfigError, RageError, RunError

__all__ = ["Failure", "Swept", "sweep"]


@dataclass(frozen=True)
class Failure:
    """A cell that did not come to its end, and why. kind: name of the error."""

    cell: str
    kind: str
    reason: str


@dataclass(frozen=True, eq=False)
class Swept:
    """What a sweep came to. path: its folder."""

    path: Path
    standing: Standing
    failures: tuple[Failure, ...]


def sweep(grid: Grid, *, out: str | Path, workers: int, track: bool = True, progress: bool = True) -> Swept:
    """Run every cell that is not done yet. Raises ConfigError where the folder cannot be written or another writes.

    A cell that fails costs itself alone: its reason is in `failures` and in failures.json.
    """
    cells = place(out, grid)
    reference(grid.sweep, cells)  # wrong names are told before anything long starts
    path = Path(out) / grid.sweep.name
    _make(path)
    with only_writer(path):
        describe(path, grid, cells)
        tell = Progress(len(cells), enabled=progress)
        due = [cell for cell in cells if not _is_whole(cell)]
        _kept(tell, len(cells) - len(due))
        failures = _computed(grid, path, cells, due, workers, tell)
        found = write_tables(path, standing(grid.sweep, cells))
        storage.write_json(path / FAILURES, {"failures": [asdict(f) for f in failures]})
        if track:
            _feed(cells, failures, tell)
    return Swept(path, found, failures)


def _make(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"out: a sweep cannot be written to {path} ({error.strerror}); give a folder that can be written"
        ) from error


def _is_whole(cell: Placed) -> bool:
    """Whether nothing is left to do and nothing was changed since; what is damaged is due, and will say so."""
    try:
        results = Results.open(cell.path)
        if results.pending() or not results.has_table("leaderboard"):
            return False
        results.refuse_changed()
    except RageError:
        return False
    return True


def _computed(
    grid: Grid, path: Path, cells: tuple[Placed, ...], due: list[Placed], workers: int, tell: Progress
) -> tuple[Failure, ...]:
    """Failures of the cells that were due, in their order. The early leaderboard is written after each cell."""
    side_by_side = workers > 1 and len(due) > 1
    one = partial(_attempt, workers=1 if side_by_side else workers)
    began, ended = time.perf_counter(), dict[str, Failure | None]()

    def done(index: int, failure: Failure | None) -> None:
        ended[due[index].cell.name] = failure
        board = write_tables(path, standing(grid.sweep, cells))
        _tell(tell, due[index].cell.name, failure, board, time.perf_counter() - began)

    with contextlib.suppress(RunError):  # a worker died: the rest goes on cell by cell, so that one alone is to blame
        for _ in map_tasks(one, due, workers=workers if side_by_side else 1, on_done=done):
            continue
    for index, cell in enumerate(due):
        if cell.cell.name not in ended:
            done(index, _attempt(cell, workers=2))  # its runs in processes of their own
    return tuple(f for cell in due if (f := ended[cell.cell.name]) is not None)


def _attempt(cell: Placed, workers: int) -> Failure | None:
    """The cell, run to its end; None, or why it did not come there. Interrupts go on."""
    config = cell.cell.config.model_copy(update={"workers": workers})
    try:
        study.run(config, out=cell.path.parent, track=False, progress=False)
    except Exception as error:  # whatever it is, the other cells go on; a defect of ours keeps its kind
        return Failure(cell.cell.name, type(error).__name__, str(error) or type(error).__name__)
    return None


def _kept(tell: Progress, cells: int) -> None:
    tell.finished += cells
    if cells:
        tell.line(f"{cells} of {tell.total} cells were finished before and are kept")


def _tell(tell: Progress, cell: str, failure: Failure | None, board: Standing, seconds: float) -> None:
    tell.finished += 1
    how = "done" if failure is None else "failed, the others go on; why stands at the end"
    best = board.best
    tell.line(
        f"{tell.finished:>{len(str(tell.total))}}/{tell.total} {seconds:6.1f} s  {cell}: {how}"
        + (f"; best so far {best}" if best else "")
    )


def _feed(cells: tuple[Placed, ...], failures: tuple[Failure, ...], tell: Progress) -> None:
    """One store for the sweep: cells share the folder that it stands in."""
    failed = {failure.cell for failure in failures}
    for placed in cells:
        if placed.cell.name not in failed:
            feed(placed.cell.config, Results.open(placed.path), tell)
