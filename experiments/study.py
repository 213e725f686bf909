"""A study: every agent on every seed, results on disk first, then the leaderboard, figures, and MLflow."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

import agents
from agents.fixed import FixedAgent
from experiments import config as configs
from experiments.config import AgentEntry, ExperimentConfig
from experiments.config_names import names_and_parameters
from experiments.executor import map_tasks
from experiments.feasible import refuse_impossible
from experiments.leaderboard import leaderboard
from experiments.progress import Done, Progress
from experiments.rehearsal import refuse_misfits
from experiments.results import RUN_TABLES, Results
from experiments.runner import run_agent
from rage_env import yamlfile
from rage_env.errors import RageError

__all__ = ["StudyResult", "Task", "run"]


@dataclass(frozen=True, eq=False)
class StudyResult:
    """A finished study. leaderboard: one row an agent, best value first. path: its results folder."""

    leaderboard: pd.DataFrame
    path: Path


@dataclass(frozen=True)
class Task:
    """One run to be done: an agent on a seed, written into the study's folder."""

    config: ExperimentConfig
    entry: AgentEntry
    seed: int
    path: Path


def run(
    config: str | Path | ExperimentConfig,
    *,
    out: str | Path = "results",
    track: bool = True,
    progress: bool = True,
    **overrides: object,
) -> StudyResult:
    """Run a study, or go on where an earlier start of the same study stopped.

    config: name or file of an experiment, or one already loaded. out: folder of results folders. track: feed MLflow at
    the end. progress: a line on standard error for each finished run. overrides: fields of the experiment, merged
    deeply. Raises InputError for what cannot be run, GuardrailError for limits that doing nothing breaks already.
    """
    study = _loaded(config, overrides)
    refuse_misfits(study)
    refuse_impossible(study)
    results = Results.create(out, study)
    tell = Progress(len(results.runs()), enabled=progress)
    with _store(study, results, wanted=track):
        _compute(study, results, tell)
        board = _conclude(results)
    if track:
        _feed(study, results, tell)
    return StudyResult(board, results.path)


def _loaded(config: str | Path | ExperimentConfig, overrides: Mapping[str, object]) -> ExperimentConfig:
    if not isinstance(config, ExperimentConfig):
        return configs.load(config, [overrides] if overrides else [])
    if not overrides:
        return config
    text = yamlfile.canonical(config)
    return yamlfile.load_text(ExperimentConfig, text, config.name, [overrides], names_and_parameters)


def _compute(config: ExperimentConfig, results: Results, tell: Progress) -> None:
    """Do the runs that are not done yet, those that take longest first, so that no worker ends up alone."""
    pending = set(results.pending())
    tell.kept(len(results.runs()) - len(pending))
    entries = sorted(config.agents, key=lambda entry: _follows_a_rule(entry.kind))
    tasks = [
        Task(config, entry, seed, results.path)
        for entry in entries
        for seed in config.seeds
        if (entry.label, seed) in pending
    ]
    for _ in map_tasks(run_task, tasks, workers=config.workers, on_done=lambda _, done: tell.done(done)):
        continue


def _follows_a_rule(kind: str) -> bool:
    """Agents that learn nothing are quick."""
    return kind in agents.names() and issubclass(agents.policy(kind), FixedAgent)


def run_task(task: Task) -> Done:
    """One run, written to disk; its summary last, so that a run is either whole or not there."""
    start = time.perf_counter()
    results = Results.open(task.path)
    label, seed = task.entry.label, task.seed
    folder = results.run_folder(label, seed)
    outcome = run_agent(task.config, task.entry, seed, folder / "log" if task.config.keep_logs else None)
    tables = {name: getattr(outcome, name) for name in RUN_TABLES}
    results.write_run(label, seed, tables, outcome.summary, outcome.seconds)
    value, violated = outcome.summary["value"], outcome.summary["weeks_violated"]
    return Done(label, seed, float(str(value)), int(str(violated)), time.perf_counter() - start)


def _conclude(results: Results) -> pd.DataFrame:
    """Tables over all runs, then the figures."""
    board = leaderboard(results.summaries())
    results.write_table("leaderboard", board)
    for name in ("ope", "monitors"):
        tables = [results.run_table(*run, name) for run in results.runs()]
        filled = [t for t in tables if len(t)]
        if filled:
            results.write_table(name, pd.concat(filled, ignore_index=True))
    from experiments import report

    report.draw(results)
    return board


@contextmanager
def _store(config: ExperimentConfig, results: Results, *, wanted: bool) -> Iterator[None]:
    """Make the MLflow store in a process of its own while runs compute: its first set-up takes seconds."""
    if not wanted:
        yield
        return
    from experiments import tracking

    making = tracking.initialise_in_background(config.tracking.uri or tracking.default_uri(results.path))
    try:
        yield
        making.wait()
    finally:
        making.terminate()
        making.wait()


def _feed(config: ExperimentConfig, results: Results, tell: Progress) -> None:
    """Results into MLflow. A store that does not answer costs nothing but the look: results are on disk."""
    from experiments import tracking

    try:
        done = tracking.track(results.path, config.tracking.uri, config.tracking.experiment)
    except RageError as error:
        tell.line(f"not in MLflow: {error}\nresults are safe; feed them later with: rage track {results.path}")
    else:
        tell.line(f"MLflow: {done.uri}, {done.written} runs written, {done.kept} were there")
