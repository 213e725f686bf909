"""A study: every agent on every seed, results on disk first, then the leaderboard, figures, and MLflow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

import agents
from agents.fixed import FixedAgent
from experiments import config as configs
from experiments import provenance
from experiments.away import Brought
from experiments.config import AgentEntry, ExperimentConfig
from experiments.config_names import names_and_parameters
from experiments.executor import Executor, RayCluster, at_hand, map_tasks
from experiments.feasible import refuse_impossible
from experiments.feeding import feed, store_at_hand
from experiments.leaderboard import leaderboard
from experiments.lock import only_writer
from experiments.progress import Done, Progress
from experiments.rehearsal import refuse_misfits
from experiments.results import Results
from experiments.study_file import Study
from experiments.study_task import Task, TaskAway, run_task
from rage_env import yamlfile
from rage_env.whole_file import remove_parts

__all__ = ["StudyResult", "Task", "run"]


@dataclass(frozen=True, eq=False)
class StudyResult:
    """A finished study. leaderboard: one row an agent, best value first. path: its results folder.

    In mode ab, verdicts: one row a monitor, group and seed; over_seeds: the same counted over seeds.
    """

    leaderboard: pd.DataFrame
    path: Path
    verdicts: pd.DataFrame = field(default_factory=pd.DataFrame)
    over_seeds: pd.DataFrame = field(default_factory=pd.DataFrame)

    def to_json(self) -> object:
        """Rows of the leaderboard; in mode ab an object of rows, by the name of the table."""
        tables = {"leaderboard": self.leaderboard, "verdicts": self.verdicts, "over_seeds": self.over_seeds}
        rows = {name: table.to_dict("records") for name, table in tables.items() if len(table)}
        return rows if len(self.verdicts) else rows["leaderboard"]


def run(
    config: str | Path | ExperimentConfig,
    *,
    out: str | Path = "results",
    track: bool = True,
    progress: bool = True,
    executor: Executor = "process",
    **overrides: object,
) -> StudyResult:
    """Run a study, or go on where an earlier start of the same study stopped.

    config: name or file of an experiment, or one already loaded. out: folder of results folders. track: feed MLflow at
    the end. progress: a line on standard error for each finished run. executor: where runs are computed, with the same
    results. overrides: fields of the experiment, merged deeply. Raises InputError for what cannot be run,
    GuardrailError for limits that doing nothing breaks already.
    """
    study = _loaded(config, overrides)
    refuse_misfits(study)
    refuse_impossible(study)
    if study.mode == "ab":
        from experiments.ab.rehearsal import refuse_groups

        refuse_groups(study)
    with at_hand(executor, study.workers), only_writer(Results.place(out, Study.of(study))):
        results = Results.create(out, study)
        remove_parts(results.path)
        tell = Progress(len(results.runs()), enabled=progress)
        _tell_of_change(results, tell)
        with store_at_hand(study, results, wanted=track), _told_when_stopped(results, tell):
            _compute(study, results, executor, tell)
            done = _conclude(results)
        if track:
            feed(study, results, tell)
    return done


def _loaded(config: str | Path | ExperimentConfig, overrides: Mapping[str, object]) -> ExperimentConfig:
    if not isinstance(config, ExperimentConfig):
        return configs.load(config, [overrides] if overrides else [])
    if not overrides:
        return config
    text = yamlfile.canonical(config)
    return yamlfile.load_text(ExperimentConfig, text, config.name, [overrides], names_and_parameters)


def _compute(config: ExperimentConfig, results: Results, executor: Executor, tell: Progress) -> None:
    """Do the runs that are not done yet: seed by seed, so that a process lives the control of a seed once, and within a
    seed those that take longest first, so that no worker ends up alone.
    """
    pending = set(results.pending())
    slow_first = sorted(config.agents, key=lambda entry: _follows_a_rule(entry.kind))
    entries: list[AgentEntry | None] = [None] if config.mode == "ab" else [*slow_first]
    tasks = [Task(config, entry, seed, results.path) for seed in config.seeds for entry in entries]
    due = [task for task in tasks if not pending.isdisjoint(task.runs)]
    tell.kept(len(results.runs()) - sum(len(task.runs) for task in due))
    if isinstance(executor, RayCluster):
        _compute_away(config, results, due, executor, tell)
        return
    for _ in map_tasks(
        run_task, due, executor=executor, workers=config.workers, on_done=lambda _, done: tell.done(*done)
    ):
        continue


def _compute_away(
    config: ExperimentConfig, results: Results, due: list[Task], cluster: RayCluster, tell: Progress
) -> None:
    """The same on a cluster, whose nodes send files back: this process writes them."""
    told: set[str] = set()

    def put_down(_: int, brought: Brought[tuple[Done, ...]]) -> None:
        tell.done(*brought.put_down(results.path))
        elsewhere = "; ".join(provenance.differences(results.study.made_with, brought.made_with))
        if elsewhere not in told | {""}:
            told.add(elsewhere)
            tell.line(f"a node computes with something else than this machine, so bits may differ: {elsewhere}")

    away = TaskAway.of(results, config)
    for _ in map_tasks(away, due, executor=cluster, workers=config.workers, on_done=put_down):
        continue


def _follows_a_rule(kind: str) -> bool:
    """Agents that learn nothing are quick."""
    return kind in agents.names() and issubclass(agents.policy(kind), FixedAgent)


@contextmanager
def _told_when_stopped(results: Results, tell: Progress) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        runs = results.runs()
        tell.line(f"{len(runs) - len(results.pending())} of {len(runs)} runs are finished, in {results.path}")
        raise


def _tell_of_change(results: Results, tell: Progress) -> None:
    """Say when runs of an earlier start were made with other packages or on another processor: bits may differ."""
    moved = provenance.differences(results.study.made_with, provenance.environment())
    if moved and any(results.is_done(*run) for run in results.runs()):
        tell.line(f"finished runs are kept, though they were made elsewhere or with other packages: {'; '.join(moved)}")


def _conclude(results: Results) -> StudyResult:
    """Tables over all runs, then the figures."""
    board = leaderboard(results.summaries())
    if "verdicts" in results.run_tables:  # marked there, group by group and seed by seed
        board = board.drop(columns=[c for c in board.columns if c.startswith("monitor.")])
    whole: dict[str, pd.DataFrame] = {}
    whole |= {name: _over_runs(results, name) for name in ("ope", "monitors", "verdicts") if name in results.run_tables}
    verdicts = whole.get("verdicts", pd.DataFrame())
    summed = pd.DataFrame()
    if len(verdicts):
        from experiments.ab.over_seeds import over_seeds

        summed = over_seeds(verdicts)
    made: dict[str, pd.DataFrame] = {"leaderboard": board, **whole, "over_seeds": summed}
    results.conclude({name: table for name, table in made.items() if name == "leaderboard" or len(table)})
    from experiments import report

    report.draw(results)
    return StudyResult(board, results.path, verdicts, summed)


def _over_runs(results: Results, name: str) -> pd.DataFrame:
    tables = [results.run_table(*run, name) for run in results.runs()]
    filled = [t for t in tables if len(t)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame()
