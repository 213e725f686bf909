"""`rage sweep`: a grid of studies, its cells side by side, compared over seeds."""

from __future__ import annotations

from typing import Annotated

import typer

from experiments.commands._options import OUT, Address, AsJson, ExecutorName, Out, Overrides
from experiments.threads import one_thread

__all__ = ["sweep"]


def sweep(
    name: Annotated[str, typer.Argument(help="Name of a shipped sweep, or a YAML file.")],
    overrides: Overrides = None,
    workers: Annotated[int, typer.Option(min=1, max=1024, help="Cells at once; the results are the same.")] = 2,
    executor: ExecutorName = "process",
    address: Address = None,
    out: Out = OUT,
    track: Annotated[bool, typer.Option("--track/--no-track", help="Feed MLflow when done.")] = True,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the cells, and how long and how large they will be; run none.")
    ] = False,
    status: Annotated[
        bool, typer.Option("--status", help="Show how the sweep stands, while it runs or later; run none.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run every cell of a sweep and compare them over seeds.

    What is finished is kept, by content: the same command goes on after a stop, and adding values to an axis runs the
    new cells only. Leaves with 1 where a cell failed; the others are done, and reasons come last.
    """
    one_thread()
    from experiments.executor import asked_for
    from experiments.sweeps import board, cells

    where = asked_for(executor, address)
    grid = cells.load(name, overrides or ())
    if dry_run or status:
        from experiments.sweeps.folder import place
        from experiments.sweeps.standing import reference, standing

        placed = place(out, grid)
        reference(grid.sweep, placed)
        if dry_run:
            from experiments.sweeps.estimate import estimate

            board.show_estimate(estimate(placed, workers), as_json=as_json)
        else:
            board.show_standing(standing(grid.sweep, placed), grid.sweep, as_json=as_json)
        return
    from experiments.interrupts import going_on
    from experiments.sweeps.run import sweep as run_sweep

    with going_on():
        found = run_sweep(grid, out=out, workers=workers, track=track, executor=where)
    board.show_swept(found, grid.sweep, as_json=as_json)
    if found.failures:
        raise typer.Exit(1)
