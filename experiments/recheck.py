"""Answers `rage run --check PATH`: runs a stored result again from its own config and compares every file.

Bytes first; where they differ, number by number, so that the first column and row that differ are named. Another
environment may change bits honestly, so what differs is told apart by what it may come from.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from experiments import provenance, storage
from experiments.compare import first_difference
from experiments.config import ExperimentConfig
from experiments.console import print_json, print_rows, show
from experiments.exhibits import EXHIBITS
from experiments.layout import LOG_FILES, SERVED, TABLES
from experiments.results import Results
from experiments.stored_experiment import stored_experiment
from experiments.study import run
from experiments.study_task import Task, run_task
from rage_env.errors import LogError

__all__ = ["Recheck", "check_command", "check_stored"]

Verdict = Literal["same", "same numbers", "differs", "differs by environment", "differs by code"]


@dataclass(frozen=True)
class Compared:
    """One file. how: `same bytes`, `same numbers`, or the first thing that differs."""

    file: str
    same: bool
    how: str


@dataclass(frozen=True)
class Recheck:
    """What a check found. changed: what of code, packages and processor is not what the result was made with."""

    path: str
    verdict: Verdict
    files: tuple[Compared, ...]
    changed: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Every number is the stored one."""
        return self.verdict in ("same", "same numbers")


def check_stored(path: str | Path) -> Recheck:
    """A results folder, or the folder of one of its runs, computed again and compared.

    Raises LogError for one that was changed since it was written, is not finished, or whose world has changed.
    """
    stored, only = _opened(Path(path))
    config = stored_experiment(stored)
    with TemporaryDirectory() as scratch:
        again = _again(config, Path(scratch), only)
        files = tuple(_compared(stored, again, only))
    changed = tuple(_changed(stored, only))
    return Recheck(str(path), _verdict(files, changed), files, changed)


def check_command(path: Path, *, as_json: bool) -> bool:
    """Print what is the same and what differs; whether all numbers are the stored ones. Raises InputError."""
    found = check_stored(path)
    if as_json:
        print_json(asdict(found))
        return found.passed
    print_rows([{"file": f.file, "again": f.how} for f in found.files], str(path))
    show(f"\n{found.verdict}: {sum(f.same for f in found.files)} of {len(found.files)} files hold the stored numbers")
    first = next((f for f in found.files if not f.same), None)
    if first is not None:
        show(f"first: {first.file}: {first.how}")
    if found.changed:
        show(f"since it was made: {'; '.join(found.changed)}")
    return found.passed


def _opened(path: Path) -> tuple[Results, tuple[str, int] | None]:
    """The results folder, and the one run that is asked for."""
    if path.name.startswith("seed-") and (path.parents[2] / "study.json").is_file():
        stored = Results.open(path.parents[2])
        only = next((run for run in stored.runs() if stored.run_folder(*run) == path), None)
        if only is None:
            raise LogError(f"{path}: is no run of {stored.path}")
    else:
        stored, only = Results.open(path), None
    stored.refuse_changed()
    unfinished = [run for run in ([only] if only else stored.runs()) if not stored.is_done(*run)]
    if unfinished or (only is None and not stored.has_table("leaderboard")):
        raise LogError(f"{path}: is not finished ({len(unfinished)} runs to do); `rage run` goes on where it stopped")
    return stored, only


def _again(config: ExperimentConfig, scratch: Path, only: tuple[str, int] | None) -> Results:
    if only is None:
        return Results.open(run(config, out=scratch, track=False).path)
    results = Results.create(scratch, config)
    entry = None if config.mode == "ab" else next(a for a in config.agents if a.label == only[0])
    run_task(Task(config, entry, only[1], results.path))
    return results


def _compared(stored: Results, again: Results, only: tuple[str, int] | None) -> Iterator[Compared]:
    """Every file that says what came out, run by run and then the study's own."""
    for agent, seed in [only] if only else stored.runs():
        folder = stored.run_folder(agent, seed)
        tables = [f"{name}.parquet" for name in (*stored.run_tables, *EXHIBITS)]
        for name in (*tables, "summary.json", *LOG_FILES, SERVED):
            if (folder / name).is_file():
                yield _one(folder / name, again.run_folder(agent, seed) / name, stored.path)
    for table in () if only else TABLES:
        if stored.has_table(table):
            yield _one(stored.path / f"{table}.parquet", again.path / f"{table}.parquet", stored.path)


def _one(was: Path, now: Path, root: Path) -> Compared:
    name = str(was.relative_to(root))
    if not now.is_file():
        return Compared(name, False, "was not written again")
    if was.read_bytes() == now.read_bytes():
        return Compared(name, True, "same bytes")
    found = first_difference(was, now)
    return Compared(name, found is None, found or "same numbers, written otherwise")


def _changed(stored: Results, only: tuple[str, int] | None) -> list[str]:
    """Of the environments that the compared runs were made in, none named twice."""
    now, found = provenance.environment(), dict[str, None]()
    for agent, seed in [only] if only else stored.runs():
        file = stored.run_folder(agent, seed) / "provenance.json"
        then = storage.read_json(file) if file.is_file() else stored.study.made_with
        found |= dict.fromkeys(provenance.differences({k: then.get(k) for k in now}, json.loads(json.dumps(now))))
    return list(found)


def _verdict(files: tuple[Compared, ...], changed: tuple[str, ...]) -> Verdict:
    if all(file.same for file in files):
        return "same" if all(file.how == "same bytes" for file in files) else "same numbers"
    if any(not line.startswith("code_hash") for line in changed):
        return "differs by environment"
    return "differs by code" if changed else "differs"
