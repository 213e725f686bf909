"""`rage export`: a log in the form of another library."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from experiments.commands._options import AsJson, AsOf, Delayed, DropInvalid
from experiments.threads import one_thread

__all__ = ["export"]


class To(StrEnum):
    """Whose form."""

    OBP = "obp"
    VW = "vw"
    MINARI = "minari"


def export(
    log: Annotated[str, typer.Argument(help="A RAGE log folder, a mapping (name or YAML), or a CSV or Parquet file.")],
    to: Annotated[To, typer.Option(help="obp: npz of arrays; vw: text; minari: hdf5 data set.")],
    out: Annotated[str, typer.Option(help="File to write; for minari the name of the data set, group/data-v0.")],
    mapping: Annotated[str | None, typer.Option(help="How to read a foreign log: name or YAML file.")] = None,
    metric: Annotated[str, typer.Option(help="Column that counts as the reward.")] = "reward",
    users: Annotated[int, typer.Option(min=1, help="minari: users at most, drawn at random.")] = 1_000,
    seed: Annotated[int, typer.Option(min=0, help="minari: of that draw.")] = 0,
    drop_invalid: DropInvalid = False,
    delayed: Delayed = "settled",
    as_of: AsOf = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there already.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write a log for obp, Vowpal Wabbit or Minari."""
    one_thread()
    from experiments.exports.command import export_command
    from experiments.log_source import Reading, open_source
    from experiments.named import naming

    source = open_source(log, mapping, Reading(drop_invalid, delayed, as_of))
    with naming(Path(log)):
        if to is To.MINARI:
            export_command(source, to.value, out, metric, users=users, seed=seed, as_json=as_json)
        else:
            export_command(source, to.value, Path(out), metric, force=force, as_json=as_json)
