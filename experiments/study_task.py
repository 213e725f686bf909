"""What a study does at once: an agent on a seed, or in mode ab a seed's groups, written to disk as it is done."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from experiments.away import Brought, Luggage, brought_from
from experiments.config import AgentEntry, ExperimentConfig
from experiments.layout import RUN_TABLES
from experiments.lock import at_work
from experiments.progress import Done
from experiments.results import Results
from experiments.run_book import RunOutcome
from experiments.runner import run_agent
from experiments.seal import SEAL

__all__ = ["Task", "TaskAway", "run_task"]


@dataclass(frozen=True)
class Task:
    """What is done at once and written into the study's folder: an agent on a seed, or (entry None) a seed's groups."""

    config: ExperimentConfig
    entry: AgentEntry | None
    seed: int
    path: Path

    @property
    def runs(self) -> tuple[tuple[str, int], ...]:
        """(agent or group, seed) of each run it makes."""
        return tuple((name, self.seed) for name in (self.config.groups if self.entry is None else [self.entry.label]))


def run_task(task: Task) -> tuple[Done, ...]:
    """Its runs, written to disk; each one's summary last, so that a run is either whole or not there."""
    with at_work(task.path):
        return _done(task, Results.open(task.path))


def _done(task: Task, results: Results) -> tuple[Done, ...]:
    start = time.perf_counter()
    found = _outcomes(task, results)
    done = []
    for label, (outcome, further) in found.items():
        tables = {name: getattr(outcome, name) for name in RUN_TABLES} | outcome.exhibits | further
        results.write_run(label, task.seed, tables, outcome.summary, outcome.seconds)
        value, violated = float(str(outcome.summary["value"])), int(str(outcome.summary["weeks_violated"]))
        done.append(Done(label, task.seed, value, violated, (time.perf_counter() - start) / len(found)))
    return tuple(done)


def _outcomes(task: Task, results: Results) -> dict[str, tuple[RunOutcome, dict[str, pd.DataFrame]]]:
    """{agent or group: what its run leaves, and tables that only its mode has}."""
    config = task.config
    logs = {run[0]: results.run_folder(*run) / "log" for run in task.runs} if config.keep_logs else {}
    if task.entry is not None:
        label = task.entry.label
        return {label: (run_agent(config, task.entry, task.seed, logs.get(label)), {})}
    from experiments.ab.trial import run_groups

    return {group.name: (group.run, {"verdicts": group.verdicts}) for group in run_groups(config, task.seed, logs)}


@dataclass(frozen=True, eq=False)
class TaskAway:
    """Does tasks of one study on other machines. about: files of its results folder that say what it is about."""

    about: Mapping[str, bytes]
    luggage: Luggage

    @classmethod
    def of(cls, results: Results, config: ExperimentConfig) -> TaskAway:
        """Of the study of that results folder."""
        about = {name: (results.path / name).read_bytes() for name in ("config.json", "study.json", SEAL)}
        return cls(about, Luggage.of([config]))

    def __call__(self, task: Task) -> Brought[tuple[Done, ...]]:
        """The task done here, with the files of its runs."""
        with self.luggage.unpacked():
            return brought_from(lambda folder: run_task(replace(task, path=folder)), self.about)
