"""Answers `rage calibrate`: reads a log or moments, fits a scenario, says what it found, writes the scenario."""

from __future__ import annotations

import datetime
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from experiments import provenance
from experiments.calibration.fit import fit
from experiments.calibration.moments_file import read_moments
from experiments.calibration.report import Calibration, report_on
from experiments.calibration.scenario_file import check_out, write_scenario
from experiments.calibration.target import Ages, Target
from experiments.calibration.weekly_log import read_target
from experiments.console import print_json, print_rows, show
from experiments.progress import Progress
from rage_env import scenario
from rage_env.errors import InputError
from rage_env.scenario import Scenario

__all__ = ["Request", "calibrate", "calibrate_command", "show_tables"]

DRAWS = 600
_USUAL = "fintech"


def calibrate(
    target: Target, world: Scenario, draws: int = DRAWS, seed: int = 0, progress: Progress | None = None
) -> Calibration:
    """Fits and predicts. Raises InputError where the target tells nothing of this world."""
    say = (lambda line: None) if progress is None else progress.line
    fitted = fit(target, world, draws, seed, say)
    return report_on(target, world, fitted, draws=draws, seed=seed, say=say)


@dataclass(frozen=True)
class Request:
    """What was asked for: a log or moments, the world to fit, where to write it, and how to read the log."""

    log: Path | None = None
    moments: str | None = None
    scenario: str | None = None
    out: Path | None = None
    mapping: Path | None = None
    newborn: bool = False
    sparse: bool = False
    draws: int = DRAWS
    seed: int = 0

    def read(self) -> tuple[Target, Scenario]:
        """What to fit, and the world to begin from. Raises InputError."""
        if (self.log is None) == (self.moments is None):
            raise InputError("calibrate: give either a log or --moments FILE, and not both")
        if self.moments is not None:
            if self.mapping or self.newborn or self.sparse:
                raise InputError(
                    "--mapping, --newborn and --sparse say how to read a log; a moments file says it itself"
                )
            file = read_moments(self.moments)
            return file.target, file.world(self.scenario)
        assert self.log is not None
        ages: Ages = "newborn" if self.newborn else "mixed"
        target = read_target(self.log, mapping=self.mapping, ages=ages, sparse=self.sparse)
        return target, scenario.load(self.scenario or _USUAL)


def calibrate_command(request: Request, *, as_json: bool) -> None:
    """Print what was found, as tables or JSON, and write the scenario where asked. Raises InputError."""
    if request.out is not None:
        check_out(request.out)
    target, world = request.read()
    began = time.perf_counter()
    found = calibrate(target, world, request.draws, request.seed, Progress(request.draws, enabled=not as_json))
    if request.out is not None:
        write_scenario(found, world, request.out, datetime.date.today())
    written = None if request.out is None else str(request.out)
    if as_json:
        print_json({**found.to_json(), "out": written, "provenance": provenance.environment()})
        return
    show_tables(found)
    show(
        f"\n{request.draws} draws in {time.perf_counter() - began:.0f} s"
        + (f"; scenario: {written}" if written else "")
    )


def show_tables(found: Calibration) -> None:
    """The three tables and the notes, for people."""
    design = found.target.design
    show(f"{found.target.name}: {design.users} users, {design.weeks} weeks, on {found.scenario}")
    for note in found.target.notes:
        show(f"note: {note}")
    print_rows([asdict(row) for row in found.parameters], "parameters (posterior mean, sd and 95 % interval)")
    print_rows([asdict(row) for row in found.moments], "moments (95 % of simulations under the posterior)")
    print_rows([asdict(row) for row in found.untold], "what this does not tell")
