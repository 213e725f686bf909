"""`rage run`: a study, and with --check a stored one computed again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from experiments.commands._options import OUT, Address, AsJson, ExecutorName, Out, Overrides
from experiments.threads import one_thread

__all__ = ["run"]


def run(
    experiment: Annotated[str | None, typer.Argument(help="Name of a shipped experiment, or a YAML file.")] = None,
    overrides: Overrides = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; the results are the same.")] = None,
    executor: ExecutorName = "process",
    address: Address = None,
    out: Out = OUT,
    track: Annotated[bool, typer.Option("--track/--no-track", help="Feed MLflow when done.")] = True,
    check: Annotated[
        Path | None, typer.Option(help="Run a stored result again instead, and compare: its folder, or one of a run.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run an experiment and show its leaderboard.

    The same study again goes on where an earlier start stopped: its folder is named by experiment, world and code, so
    that changing any of them makes a new one. With --check, leaves with 1 where a number is not the stored one.
    """
    one_thread()
    if check is not None or experiment is None:
        raise typer.Exit(_checked(check, [experiment, *(overrides or ())], as_json=as_json))
    from experiments import board, config, console
    from experiments.executor import asked_for

    where = asked_for(executor, address)
    study = config.load(experiment, [*(overrides or ()), *([f"workers={workers}"] if workers else [])])
    from experiments.interrupts import going_on
    from experiments.study import run as run_study  # after the input is known to be right: it takes a while

    with going_on():
        found = run_study(study, out=out, track=track, executor=where)
    if as_json:
        console.print_json(found.to_json())
    else:
        board.show_leaderboard(found.leaderboard)
        if len(found.verdicts):
            from experiments.ab.board import show_verdicts

            show_verdicts(found.verdicts, found.over_seeds)
        beside = "" if out == OUT else f" --out {out}"
        console.show(f"\nresults: {found.path} (figures inside)\nin the browser: rage ui{beside}")


def _checked(path: Path | None, given: Sequence[str | None], *, as_json: bool) -> int:
    """The exit code of `rage run --check PATH`."""
    from rage_env.errors import InputError

    if path is None:
        raise InputError("run: say what to run: a shipped experiment (`rage list experiments`) or a YAML file")
    if any(given):
        raise InputError("--check: runs a stored result from its own config; leave the experiment and overrides out")
    from experiments.recheck import check_command

    return 0 if check_command(path, as_json=as_json) else 1
