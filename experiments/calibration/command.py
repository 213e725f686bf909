"""Answers `rage calibrate`: reads a log or moments, fits a scenario, says what it found, writes the scenario."""

from __future__ import annotations

import datetime
import time
from dataclasses import asdict
from pathlib import Path

from experiments.calibration.fit import fit
from experiments.calibration.moments_file import read_moments
from experiments.calibration.report import Calibration, report_on
from experiments.calibration.scenario_file import check_out, write_scenario
from experiments.calibration.target import Target
from experiments.calibration.weekly_log import read_target
from experiments.console import print_json, print_rows, show
from experiments.progress import Progress
from rage_env import scenario
from rage_env.errors import InputError
from rage_env.scenario import Scenario

__all__ = ["calibrate", "calibrate_command"]

DRAWS = 600


def calibrate(
    target: Target, world: Scenario, draws: int = DRAWS, seed: int = 0, progress: Progress | None = None
) -> Calibration:
    """Fits and predicts. Raises InputError where the target tells nothing of this world."""
    say = (lambda line: None) if progress is None else progress.line
    fitted = fit(target, world, draws, seed, say)
    return report_on(target, world, fitted, draws=draws, seed=seed, say=say)


def calibrate_command(
    log: Path | None,
    moments: str | None,
    base: str | None,
    out: Path | None,
    *,
    mapping: Path | None,
    newborn: bool,
    sparse: bool,
    draws: int,
    seed: int,
    as_json: bool,
) -> None:
    """Print what was found, as tables or JSON, and write the scenario where `out` says so. Raises InputError."""
    if (log is None) == (moments is None):
        raise InputError("calibrate: give either a log or --moments FILE, and not both")
    if out is not None:
        check_out(out)
    if moments is not None:
        file = read_moments(moments)
        target, base = file.target, base or file.scenario
    else:
        assert log is not None
        target, _ = read_target(log, mapping=mapping, ages="newborn" if newborn else "mixed", sparse=sparse)
    world = scenario.load(base or "fintech")
    began = time.perf_counter()
    progress = Progress(draws, enabled=not as_json)
    found = calibrate(target, world, draws, seed, progress)
    if out is not None:
        write_scenario(found, world, out, datetime.date.today())
    if as_json:
        print_json({**found.to_json(), "out": None if out is None else str(out)})
        return
    show_tables(found)
    show(f"\n{draws} draws in {time.perf_counter() - began:.0f} s" + ("" if out is None else f"; scenario: {out}"))


def show_tables(found: Calibration) -> None:
    """The three tables and the notes, for people."""
    design = found.target.design
    show(f"{found.target.name}: {design.users} users, {design.weeks} weeks, on {found.scenario}")
    for note in found.target.notes:
        show(f"note: {note}")
    print_rows([asdict(row) for row in found.parameters], "parameters (posterior mean, sd and 95 % interval)")
    print_rows([asdict(row) for row in found.moments], "moments (95 % of simulations under the posterior)")
    print_rows([asdict(row) for row in found.untold], "what this does not tell")
