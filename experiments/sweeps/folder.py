"""The folder of a sweep: `<out>/<sweep>/`, with a results folder for each cell.

::

    sweep.json                     the sweep as it was asked for, and the folder of each cell
    leaderboard.csv                agents of all cells, written anew after each cell
    comparisons.csv                paired by seed, against the reference
    failures.json                  of the last start
    mlflow.db                      one store for all cells
    <cell>-<hash8>/                a results folder, as `rage run` writes it
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from experiments import storage
from experiments.results import Results, Study
from experiments.sweeps.cells import Cell, Grid
from rage_env.errors import LogError

__all__ = ["FAILURES", "SCHEMA", "Placed", "describe", "place"]

FILE, FAILURES = "sweep.json", "failures.json"
SCHEMA = 1


@dataclass(frozen=True)
class Placed:
    """A cell and the results folder that its content names."""

    cell: Cell
    path: Path

    @property
    def runs(self) -> int:
        """How many runs the cell is made of."""
        return len(self.cell.config.groups) * len(self.cell.config.seeds)

    @property
    def finished(self) -> int:
        """How many of them are there. Raises LogError for a folder that cannot be read."""
        if not (self.path / "study.json").is_file():
            return 0
        results = Results.open(self.path)
        return len(results.runs()) - len(results.pending())


def place(out: str | Path, grid: Grid) -> tuple[Placed, ...]:
    """Where each cell lies, made or not."""
    folder = Path(out) / grid.sweep.name
    found = []
    for cell in grid.cells:
        study = Study.of(cell.config)
        found.append(Placed(cell, folder / f"{study.name}-{study.hash[:8]}"))
    return tuple(found)


def describe(path: Path, grid: Grid, cells: tuple[Placed, ...]) -> None:
    """Write sweep.json. Raises LogError for one of another schema, and leaves it as it is."""
    if (path / FILE).is_file():
        _refuse_older(path / FILE)
    storage.write_json(
        path / FILE,
        {
            "schema": SCHEMA,
            "sweep": grid.sweep.model_dump(mode="json"),
            "cells": [{"name": c.cell.name, "at": c.cell.at, "folder": c.path.name} for c in cells],
        },
    )


def _refuse_older(file: Path) -> None:
    if (found := storage.read_json(file).get("schema")) != SCHEMA:
        raise LogError(
            f"{file}: sweep schema {found}, this RAGE writes {SCHEMA}; run the sweep elsewhere (--out), or move "
            f"{file.parent} away"
        )
