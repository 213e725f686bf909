"""Runs a sweep: whole cells side by side, what is finished kept, what fails told at the end.

A cell is computed in one process, which fits an oracle and lives a seed left alone once for all its agents. The folder
`<out>/<sweep>` holds one results folder a cell, named by content: a start finds what earlier ones finished, also after
values were added to an axis, or the grid was put in another order.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from experiments import storage, study
from experiments.away import Brought, Luggage, brought_from, files_of
from experiments.executor import Executor, RayCluster, at_hand, map_tasks
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


def sweep(
    grid: Grid,
    *,
    out: str | Path,
    workers: int,
    track: bool = True,
    progress: bool = True,
    executor: Executor = "process",
) -> Swept:
    """Run every cell that is not done yet. Raises ConfigError where the folder cannot be written or another writes.

    executor: where cells are computed, with the same results. A cell that fails costs itself alone: its reason is in
    `failures` and in failures.json.
    """
    cells = place(out, grid)
    reference(grid.sweep, cells)  # wrong names are told before anything long starts
    path = Path(out) / grid.sweep.name
    _make(path)
    with at_hand(executor, workers), only_writer(path):
        describe(path, grid, cells)
        tell = Progress(len(cells), enabled=progress)
        due = [cell for cell in cells if not _is_whole(cell)]
        _kept(tell, len(cells) - len(due))
        failures = _computed(grid, path, cells, due, executor, workers, tell)
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
    grid: Grid,
    path: Path,
    cells: tuple[Placed, ...],
    due: list[Placed],
    executor: Executor,
    workers: int,
    tell: Progress,
) -> tuple[Failure, ...]:
    """Failures of the cells that were due, in their order. The early leaderboard is written after each cell."""
    began, ended = time.perf_counter(), dict[str, Failure | None]()

    def done(index: int, failure: Failure | None) -> None:
        ended[due[index].cell.name] = failure
        board = write_tables(path, standing(grid.sweep, cells))
        _tell(tell, due[index].cell.name, failure, board, time.perf_counter() - began)

    with contextlib.suppress(RunError):  # a worker died: the rest goes on cell by cell, so that one alone is to blame
        _side_by_side(due, executor, workers, done)
    for index, cell in enumerate(due):
        if cell.cell.name not in ended:
            done(index, _attempt(cell, workers=2))  # its runs in processes of their own
    return tuple(f for cell in due if (f := ended[cell.cell.name]) is not None)


def _side_by_side(
    due: list[Placed], executor: Executor, workers: int, done: Callable[[int, Failure | None], None]
) -> None:
    """Run the cells, several at a time where there are workers for it, and call `done` as each ends."""
    if isinstance(executor, RayCluster):
        away = partial(_attempt_away, luggage=Luggage.of(cell.cell.config for cell in due))
        items = [(cell, _begun(cell)) for cell in due]

        def put_down(index: int, brought: Brought[Failure | None]) -> None:
            done(index, brought.put_down(due[index].path.parent))

        for _ in map_tasks(away, items, executor=executor, workers=workers, on_done=put_down):
            continue
        return
    several = workers > 1 and len(due) > 1
    one = partial(_attempt, workers=1 if several else workers)
    for _ in map_tasks(one, due, executor=executor, workers=workers if several else 1, on_done=done):
        continue


def _begun(cell: Placed) -> dict[str, bytes]:
    """What an earlier start left of the cell, to go on with; {file below the sweep's folder: bytes}."""
    return {f"{cell.path.name}/{name}": data for name, data in files_of(cell.path).items()}


def _attempt_away(item: tuple[Placed, dict[str, bytes]], luggage: Luggage) -> Brought[Failure | None]:
    """The cell, run on another machine to its end, with all its files."""
    cell, begun = item

    def work(folder: Path) -> Failure | None:
        failure = _attempt(replace(cell, path=folder / cell.path.name), workers=1)
        if failure is None:
            return None
        return replace(failure, reason=failure.reason.replace(str(folder), str(cell.path.parent)))

    with luggage.unpacked():
        return brought_from(work, begun)


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
