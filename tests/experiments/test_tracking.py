"""MLflow gets every run once, however often it is fed, and nothing is lost when a feed breaks off."""

from __future__ import annotations

import json
import math
import shutil
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from experiments import tracking
from experiments.config import ExperimentConfig
from experiments.results import Results
from experiments.series import MOST_SERIES, last_figures, weekly_series
from rage_env.errors import ConfigError, LogError, RunError

if TYPE_CHECKING:
    from mlflow.entities import Run


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store initialised once: its migrations take seconds."""
    file = tmp_path_factory.mktemp("mlflow") / "template.db"
    tracking.initialise(f"sqlite:///{file}")
    return file


def weekly(weeks: int = 4) -> pd.DataFrame:
    table = pd.DataFrame({"week": np.arange(weeks), "value": 0.1, "net_revenue": 0.2, "nrpau": 0.3, "present": 9})
    table["share_of_oracle"] = [math.nan, 0.5, math.nan, 0.75][:weeks]
    return table.assign(**{"slack_true.loss_rate": 1.0, "violated.loss_rate": [False, True, False, False][:weeks]})


@pytest.fixture
def results(tmp_path: Path, empty_store: Path) -> Results:
    """A finished study of two agents and one seed, beside an empty store."""
    fields = {
        "name": "small",
        "question": "does it hold together?",
        "scenario": "fintech",
        "weeks": 4,
        "seeds": [7],
        "agents": [{"kind": "no_offer"}, {"kind": "blanket", "name": "all", "arm": "nudge"}],
    }
    made = Results.create(tmp_path / "results", ExperimentConfig.model_validate_json(json.dumps(fields)))
    for run in made.runs():
        figures = {"value": 0.1, "slack": {"loss_rate": 2.0}, "note": "text", "gap": math.nan}
        made.write_run(*run, {"weekly": weekly()}, figures)
    made.write_table("leaderboard", pd.DataFrame({"agent": ["no_offer", "all"], "value": [0.0, math.nan]}))
    shutil.copy(empty_store, made.path.parent / "mlflow.db")
    return made


def runs_of(results: Results) -> list[Run]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own
        from mlflow.tracking import MlflowClient

        client = MlflowClient(tracking_uri=tracking.default_uri(results.path))
        experiment = client.get_experiment_by_name("rage")
        return list(client.search_runs([experiment.experiment_id])) if experiment else []


def test_a_study_tracked_twice_stands_there_once_and_a_changed_leaderboard_replaces_the_old(results: Results) -> None:
    first = tracking.track(results.path)
    assert (first.written, first.kept) == (3, 0)
    again = tracking.track(results.path)
    assert (again.written, again.kept) == (0, 3)
    found = runs_of(results)
    assert sorted(r.data.tags["rage.kind"] for r in found) == ["comparison", "run", "run"]
    mine = next(r for r in found if r.data.tags.get("rage.agent") == "all")
    assert mine.data.tags["rage.seed"] == "7"
    assert mine.data.params["agent.arm"] == "nudge"
    assert mine.data.metrics["weekly/share_of_oracle"] == 0.75
    assert mine.data.metrics["slack.loss_rate"] == 2.0
    assert mine.info.status == "FINISHED"
    results.write_table("leaderboard", pd.DataFrame({"agent": ["no_offer"], "value": [1.0]}))
    assert tracking.track(results.path).written == 1
    assert len(runs_of(results)) == 3


def test_a_feed_that_broke_off_is_mended_by_the_next_and_says_so(
    results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = results.weekly("all", 7)
    (results.run_folder("all", 7) / "weekly.parquet").write_bytes(b"half")
    with pytest.raises(LogError, match=r"weekly\.parquet: corrupted"):
        tracking.track(results.path)
    assert sorted(r.info.status for r in runs_of(results)) == ["FAILED", "FINISHED"]
    results.write_run("all", 7, {"weekly": good}, {})
    assert tracking.track(results.path).written == 2
    assert sorted(r.info.status for r in runs_of(results)) == ["FINISHED"] * 3


def test_files_of_the_study_are_kept_with_the_comparison(results: Results) -> None:
    results.figures.mkdir()
    (results.figures / "value.png").write_bytes(b"png")
    tracking.track(results.path)
    artifacts = results.path.parent / "mlartifacts"
    names = {p.name for p in artifacts.rglob("*") if p.is_file()}
    assert {"leaderboard.csv", "leaderboard.json", "value.png", "study.json", "weekly.parquet"} <= names


def test_a_store_that_does_not_answer_ends_the_run_with_the_way_out(results: Results, tmp_path: Path) -> None:
    (tmp_path / "broken.db").write_bytes(b"no database" * 100)
    with pytest.raises(RunError, match="Results are on disk; `rage track` feeds them again"):
        tracking.track(results.path, uri=f"sqlite:///{tmp_path}/broken.db")
    with pytest.raises(ConfigError, match="is no address"):
        tracking.track(results.path, uri="mlflow.db")


def test_a_run_draws_at_most_forty_series_and_keeps_value_and_slack_among_them() -> None:
    wide = weekly().assign(**{f"extra_{i}": 1.0 for i in range(60)})
    names = [s.name for s in weekly_series(wide)]
    assert len(names) == MOST_SERIES
    assert {"weekly/value", "weekly/slack_true.loss_rate", "weekly/violated.loss_rate"} <= set(names)


def test_gaps_and_text_are_left_out_of_charts_instead_of_drawn_as_zero() -> None:
    share = next(s for s in weekly_series(weekly()) if s.name == "weekly/share_of_oracle")
    assert share.points == [(1, 0.5), (3, 0.75)]
    found = {s.name: s.points for s in last_figures({"a": {"b": 1}, "c": None, "d": "x", "e": math.inf})}
    assert found == {"a.b": [(0, 1.0)], "e": []}


def test_a_store_that_was_moved_with_its_results_is_told_and_not_written_elsewhere(tmp_path: Path) -> None:
    here, gone = tmp_path / "new", (tmp_path / "old" / "mlartifacts").as_uri()
    uri = f"sqlite:///{here / 'mlflow.db'}"
    tracking._refuse_moved(uri, (here / "mlartifacts").as_uri())
    tracking._refuse_moved("http://localhost:1", gone)
    with pytest.raises(RunError, match="which is gone: the results were moved"):
        tracking._refuse_moved(uri, gone)
    (tmp_path / "old" / "mlartifacts").mkdir(parents=True)
    tracking._refuse_moved(uri, gone)
