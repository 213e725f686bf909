"""MLflow gets every run once, however often it is fed, and nothing is lost when a feed breaks off."""

from __future__ import annotations

import json
import math
import shutil
import socket
import sqlite3
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from experiments import tracking
from experiments.cli import main
from experiments.config import ExperimentConfig
from experiments.lock import only_feeder
from experiments.results import Results
from experiments.series import MOST_SERIES, last_figures, weekly_series
from experiments.tracking import feed, store
from experiments.tracking.serve import serve
from rage_env.errors import ConfigError, RunError

if TYPE_CHECKING:
    from mlflow.entities import Run


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
    def broken(*_: object) -> None:
        raise ConnectionError("gone away")

    with monkeypatch.context() as patch:
        tracking.track(results.path, experiment="elsewhere")
        patch.setattr(feed, "last_figures", broken)
        with pytest.raises(RunError, match=r"does not answer .gone away.. Results are on disk"):
            tracking.track(results.path)
    assert [r.info.status for r in runs_of(results)] == ["FAILED"]
    assert tracking.track(results.path).written == 3
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
    store._refuse_moved(uri, (here / "mlartifacts").as_uri())
    store._refuse_moved("http://localhost:1", gone)
    with pytest.raises(RunError, match="which is gone: the results were moved"):
        store._refuse_moved(uri, gone)
    (tmp_path / "old" / "mlartifacts").mkdir(parents=True)
    store._refuse_moved(uri, gone)


def content(results: Results) -> dict[str, object]:
    """{run: parameters, our tags, last metrics, status}; a run that stands there twice is an error."""
    found = runs_of(results)
    keys = [run.data.tags["rage.run_id"] for run in found]
    assert len(keys) == len(set(keys)), "a run was written twice"
    tags = [{k: v for k, v in run.data.tags.items() if k.startswith("rage.")} for run in found]
    told = [(r.data.params, t, r.data.metrics, r.info.status) for r, t in zip(found, tags, strict=True)]
    return dict(zip(keys, told, strict=True))


def test_a_store_that_was_locked_gets_later_what_it_would_have_got_and_nothing_twice(
    results: Results, empty_store: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(store, "_PATIENCE_S", 0.2)
    file = results.path.parent / "mlflow.db"
    tracking.track(results.path)
    wanted = content(results)
    shutil.copy(empty_store, file)
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    capfd.readouterr()
    assert main(["track", str(results.path)]) == 1
    told = capfd.readouterr().err
    assert told.startswith(f"error: MLflow at sqlite:///{file} is locked by another process; track again when")
    assert told.count("\n") == 1
    holder.close()
    assert tracking.track(results.path).written == 3
    assert content(results) == wanted
    assert tracking.track(results.path).written == 0
    assert content(results) == wanted


def test_a_store_of_another_schema_and_one_of_files_are_told_in_a_sentence(results: Results, tmp_path: Path) -> None:
    newer = tmp_path / "newer.db"
    shutil.copy(results.path.parent / "mlflow.db", newer)
    with sqlite3.connect(newer) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
    connection.close()
    before = newer.read_bytes()
    with pytest.raises(RunError, match=r"was made by another MLflow and has another schema.*Results are on disk"):
        tracking.track(results.path, uri=f"sqlite:///{newer}")
    assert newer.read_bytes() == before
    with socket.socket() as free:  # the port is looked at before the store
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(RunError, match="was made by another MLflow and has another schema"):
        serve(f"sqlite:///{newer}", port, pytest.fail)
    with pytest.raises(RunError, match="is a folder of files, which this MLflow takes no more"):
        tracking.track(results.path, uri=f"file://{tmp_path}/mlruns")


def test_a_server_that_is_away_is_told_at_once_and_not_after_minutes(
    results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    monkeypatch.setattr(store, "_PATIENCE_S", 1.0)
    began = time.monotonic()
    with pytest.raises(RunError, match=r"MLflow at http://127.0.0.1:9 does not answer .*Results are on disk"):
        tracking.track(results.path, uri="http://127.0.0.1:9")
    assert time.monotonic() - began < 30


def test_two_who_feed_the_same_folder_at_once_do_not_write_it_twice(results: Results) -> None:
    with only_feeder(results.path), pytest.raises(RunError, match="another process is feeding it"):
        tracking.track(results.path)
