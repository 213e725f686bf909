"""`rage calibrate`: fits a world to somebody's weekly log, or to moments that somebody published."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from experiments.commands._options import AsJson, Seed
from experiments.threads import one_thread

__all__ = ["calibrate"]


def calibrate(
    log: Annotated[
        Path | None, typer.Argument(metavar="[LOG]", help="CSV or Parquet, one row a user and week; or a log folder.")
    ] = None,
    moments: Annotated[
        str | None, typer.Option(help="Moments instead of a log: a shipped name, or a YAML or JSON file.")
    ] = None,
    scenario: Annotated[
        str | None, typer.Option(help="The world to fit; fintech, or the one the moments name.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write the fitted scenario to this YAML file.")] = None,
    mapping: Annotated[
        Path | None, typer.Option(help="YAML that says which column plays which role, e.g. `user_id: customer`.")
    ] = None,
    newborn: Annotated[bool, typer.Option("--newborn", help="All users joined in the log's first week.")] = False,
    sparse: Annotated[bool, typer.Option("--sparse", help="Only active weeks have rows.")] = False,
    draws: Annotated[int, typer.Option(min=100, help="Simulated cohorts; more make intervals sharper.")] = 600,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Fit a scenario's numbers to a weekly log: user, week, active, gmv; transactions, contacts, churned if there.

    Says each number's interval, what the fit predicts for every moment, and what the log cannot tell.
    """
    one_thread()
    from experiments.calibration.command import Request, calibrate_command

    calibrate_command(Request(log, moments, scenario, out, mapping, newborn, sparse, draws, seed), as_json=as_json)
