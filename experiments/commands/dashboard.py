"""`rage dashboard`: the control tower."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["dashboard"]


def dashboard(
    study: Annotated[
        str | None,
        typer.Argument(metavar="[NAME_OR_FOLDER]", help="A results folder, or the name of a study: its newest."),
    ] = None,
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8501,
    out: Annotated[Path, typer.Option(help="Folder that holds results folders.")] = Path("results"),
) -> None:
    """Open the control tower on this machine: results as pages in the browser (extra `dashboard`)."""
    from experiments import console
    from experiments.dashboard.serve import serve

    serve(out, study, port, console.show)
