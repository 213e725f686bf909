"""`rage learn`: from a log to a policy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from experiments.commands._options import AsJson, AsOf, Delayed, DropInvalid
from experiments.threads import one_thread

__all__ = ["learn"]


def learn(
    log: Annotated[str, typer.Argument(help="A RAGE log folder, a mapping (name or YAML), or a CSV or Parquet file.")],
    out: Annotated[Path, typer.Option(help="Folder for the policy: policy.npz and policy.json.")],
    mapping: Annotated[str | None, typer.Option(help="How to read a foreign log: name or YAML file.")] = None,
    method: Annotated[str, typer.Option(help="dr, ips or allocator.")] = "dr",
    metric: Annotated[str, typer.Option(help="Column to be made large.")] = "reward",
    keep: Annotated[
        list[str] | None, typer.Option(help="allocator: COLUMN<=NUMBER, its mean per row at most; repeatable.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Which half of the users is learned from.")] = 0,
    drop_invalid: DropInvalid = False,
    delayed: Delayed = "settled",
    as_of: AsOf = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a policy that is there already.")] = False,
    as_json: AsJson = False,
) -> None:
    """Learn a policy on half of a log's users, score it on the others; `rage evaluate LOG --policy` scores it anew."""
    one_thread()
    from experiments.learning.command import learn_command
    from experiments.log_source import Reading, open_source
    from experiments.named import naming

    source = open_source(log, mapping, Reading(drop_invalid, delayed, as_of))
    with naming(Path(log)):
        learn_command(source, out, method, metric, keep or (), seed, force=force, as_json=as_json)
