"""A study in mode ab gives the same bits however it is run, goes on where it stopped, and is shown whole."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import experiments
from experiments import cli, study
from experiments.ab.verdicts import VERDICTS
from experiments.config import ExperimentConfig
from experiments.results import Results
from experiments.study import StudyResult
from rage_env import scenario
from rage_env.errors import ConfigError, GuardrailError

pytestmark = pytest.mark.usefixtures("undrawn")

Ab = Callable[..., ExperimentConfig]


@pytest.fixture(scope="module")
def done(ab: Ab, tmp_path_factory: pytest.TempPathFactory) -> StudyResult:
    """A finished study, one worker; shared, so tests read it only."""
    return experiments.run(ab(), out=tmp_path_factory.mktemp("one"), track=False, progress=False)


def contents(folder: Path) -> dict[str, bytes]:
    """Every table and summary of a results folder."""
    files = [*folder.rglob("*.parquet"), *folder.rglob("summary.json"), folder / "leaderboard.csv"]
    return {str(f.relative_to(folder)): f.read_bytes() for f in files}


def test_two_workers_share_out_the_seeds_and_give_the_same_bytes(ab: Ab, done: StudyResult, tmp_path: Path) -> None:
    other = experiments.run(ab(workers=2), out=tmp_path, track=False, progress=False)
    assert contents(other.path) == contents(done.path)


def test_learners_in_groups_give_the_same_bytes_twice(ab: Ab, tmp_path: Path) -> None:
    config = ab(agents=[{"kind": "constrained_thompson"}], users=600, weeks=3, seeds=[1, 2], keep_logs=True)
    alone = experiments.run(config, out=tmp_path / "1", track=False, progress=False)
    shared = experiments.run(config, out=tmp_path / "2", track=False, progress=False, workers=2)
    assert contents(shared.path) == contents(alone.path)


def test_a_seed_that_lost_a_group_is_made_again_to_the_same_bytes(
    ab: Ab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = ab(users=800, weeks=3)
    first = experiments.run(config, out=tmp_path, track=False, progress=False)
    before = contents(first.path)
    (first.path / "runs" / "safe" / "seed-2" / "verdicts.parquet").unlink()
    again = experiments.run(config, out=tmp_path, track=False)
    assert "4 of 8 runs were finished before and are kept" in capsys.readouterr().err
    assert contents(again.path) == before
    monkeypatch.setattr(study, "run_task", lambda *_: pytest.fail("a finished seed was started again"))
    assert experiments.run(config, out=tmp_path, track=False, progress=False).verdicts.equals(first.verdicts)


def test_verdicts_stand_in_the_results_one_a_monitor_group_and_seed(done: StudyResult) -> None:
    results = Results.open(done.path)
    table = results.table("verdicts")
    assert tuple(table.columns) == VERDICTS
    assert len(table) == (3 * 3 + 1) * 2  # and one on the sample ratio
    assert table.query("agent == 'control'")["mark"].eq("rightly silent").all()
    assert table.groupby(["agent", "monitor"])["seed"].nunique().eq(2).all()
    assert results.baseline == "control"
    assert set(done.leaderboard["agent"]) == {"control", "reckless", "safe", "nothing"}
    assert {"cumulative_value", "monitor_loss_alarm"} <= {p.stem for p in results.figures.glob("*.png")}
    assert results.table("over_seeds").equals(done.over_seeds)


def test_the_command_line_shows_verdicts_below_the_leaderboard(
    ab: Ab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "mine.yaml"
    file.write_text(json.dumps(ab(users=600, weeks=3).model_dump(mode="json")))
    assert cli.main(["run", str(file), "--no-track"]) == 0
    shown = capsys.readouterr().out
    assert shown.index("leaderboard") < shown.index("verdicts, held against the truth") < shown.index("over 2 seeds")
    assert cli.main(["run", str(file), "--no-track", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [len(rows[name]) for name in ("leaderboard", "verdicts", "over_seeds")] == [4, 20, 10]
    assert cli.main(["run", str(file), "--no-track", "ab.shares={rekless: 0.1}"]) == 2
    assert "did you mean 'reckless'?" in capsys.readouterr().err


def test_mlflow_gets_every_group_with_its_curves_or_the_comparison_alone(
    ab: Ab, empty_store: Path, tmp_path: Path
) -> None:
    from mlflow.tracking import MlflowClient

    small = {"users": 600, "weeks": 3, "seeds": [1]}
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    for name, wanted in (("all", 5), ("one", 1)):
        asked = {"uri": uri, "experiment": name, "runs": name == "all"}
        experiments.run(ab(**small, name=name, tracking=asked), out=tmp_path, progress=False)
        client = MlflowClient(uri)
        (experiment,) = [e for e in client.search_experiments() if e.name == name]
        found = client.search_runs([experiment.experiment_id])
        assert len(found) == wanted
        (comparison,) = [r for r in found if r.data.tags["rage.kind"] == "comparison"]
        files = {f.path for f in client.list_artifacts(comparison.info.run_id)}
        assert {"verdicts.parquet", "verdicts.json", "over_seeds.json", "leaderboard.json"} <= files
        groups = [r for r in found if r.data.tags.get("rage.agent") == "reckless"]
        for run in groups:
            curve = client.get_metric_history(run.info.run_id, "weekly/ab_truth")
            assert [point.step for point in curve] == [0, 1, 2]


def changed(name: str, **fields: object) -> dict[str, object]:
    """Overrides that leave fintech with one of its guardrails, changed."""
    kept = next(g for g in scenario.load("fintech").guardrails if g.name == name)
    return {"guardrails": [{**kept.model_dump(mode="json"), **fields}]}


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        (
            {"scenario_overrides": changed("contact_capacity", denominator=None, limit=3.0)},
            GuardrailError,
            r"group reckless: contact_capacity: limit 3 a week leaves 0\.75 for the group of reckless",
        ),
        (
            {"scenario_overrides": changed("bonus_budget", numerator={"present": 1.0}, denominator=None, limit=1900.0)},
            GuardrailError,
            r"bonus_budget: limit 1900 cannot be",
        ),
        ({"users": 60}, ConfigError, r"ab: group \w+ has \d+ units of 60 users .*; at least 20 are needed"),
    ],
)
def test_groups_that_cannot_keep_their_part_end_the_study_before_it_starts(
    ab: Ab, tmp_path: Path, changes: dict[str, object], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        experiments.run(ab(monitors=[], **changes), out=tmp_path, track=False, progress=False)
    assert list(tmp_path.iterdir()) == []


def test_a_group_s_weeks_stand_beside_its_truths(done: StudyResult) -> None:
    weekly = Results.open(done.path).weekly("reckless", 1)
    gap = weekly["deploy_truth"] - weekly["ab_truth"]
    pd.testing.assert_series_equal(weekly["scale_gap"], gap, check_names=False)
    assert {"served", "stopped"} <= set(weekly.columns)
