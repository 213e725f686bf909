"""`rage replay`: a decision log under another policy, with the same luck."""

from __future__ import annotations

from typing import Annotated

import typer

from experiments.commands._options import AsJson, PolicyParams
from experiments.threads import one_thread

__all__ = ["replay"]


def replay(
    log: Annotated[str, typer.Argument(help="A run's folder, its log folder, or a log.parquet (keep_logs=true).")],
    policy: Annotated[
        str | None, typer.Option(help="An agent of that study, or of `rage list agents`; if left out, who wrote it.")
    ] = None,
    param: PolicyParams = None,
    as_json: AsJson = False,
) -> None:
    """Live a decision log again under another policy: same people, same luck, same draws.

    Under the policy that wrote it, every decision must come out bit for bit; leaves with 1 where one does not.
    """
    one_thread()
    from experiments.replay.command import replay_command

    if not replay_command(log, policy, param or (), as_json=as_json):
        raise typer.Exit(1)
