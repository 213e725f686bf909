"""Champion and challenger: registered once, moved by leaderboard or by name, loaded by alias."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments import tracking
from experiments.cli import main
from experiments.results import Results
from experiments.series import weekly_series
from experiments.serving.example import rows_of
from experiments.serving.final import final_policy
from experiments.tracking.promote import Choice, Promotion, promote

LEARNER = "lagrangian_linucb"


@pytest.fixture(scope="module")
def uri(shown_study: Results, empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store that holds the study."""
    file = tmp_path_factory.mktemp("promoted") / "mlflow.db"
    shutil.copy(empty_store, file)
    tracking.track(shown_study.path, f"sqlite:///{file}")
    return f"sqlite:///{file}"


def promoted(
    results: Results,
    uri: str,
    name: str | None = None,
    **choice: Any,  # Any: fields of Choice
) -> Promotion:
    return promote(results, uri, "rage", name, Choice(**choice))


def pointed(done: Promotion) -> dict[str, str | None]:
    return {move.alias: move.now for move in done.moves}


def test_policies_are_registered_once_and_aliases_follow_leaderboard_and_name(
    shown_study: Results, uri: str, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "met-once"  # other tests may have promoted the study's own model before
    first = promoted(shown_study, uri, name)
    assert first.registered == ("1", "2")
    by_board = {"champion": "1 (lagrangian_linucb/1)", "challenger": "2 (no_offer/1)"}
    assert pointed(first) == by_board
    again = promoted(shown_study, uri, name)
    assert again.registered == ()
    assert not any(move.moved for move in again.moves)
    by_name = promoted(shown_study, uri, name, agent="no_offer")
    assert pointed(by_name) == {"champion": "2 (no_offer/1)", "challenger": None}
    told = ["promote", str(shown_study.path), "--uri", uri, "--name", name]
    assert main([*told, "--agent", "no_offer", "--alias", "challenger"]) == 2
    assert "no_offer: is champion, and nobody can be both" in capsys.readouterr().err
    assert main([*told, "--json"]) == 0
    moves = json.loads(capsys.readouterr().out)["moves"]
    assert {m["alias"]: (m["was"], m["now"]) for m in moves} == {
        "champion": ("2 (no_offer/1)", "1 (lagrangian_linucb/1)"),
        "challenger": (None, "2 (no_offer/1)"),
    }
    assert main(told) == 0
    assert "new versions: none; moved: nothing, it stood so already" in capsys.readouterr().out
    for wrong, why in (
        (["--alias", "champion"], "says what an agent becomes; name one with --agent"),
        (["--agent", LEARNER, "--alias", "chalenger"], "no alias is called 'chalenger': did you mean 'challenger'"),
        (["--agent", "lagrangian"], "did you mean 'lagrangian_linucb'"),
        (["--seed", "9"], "--seed 9: is none of this study's; they are 1, 2"),
        (["--name", "a/b"], "--name: 'a/b' is no name of a model"),
    ):
        assert main([*told, *wrong]) == 2, wrong
        assert why in capsys.readouterr().err


def test_the_model_behind_an_alias_is_the_policy_and_holds_no_pickle(
    shown_study: Results, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    promoted(shown_study, uri)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    policy, last = final_policy(shown_study, LEARNER, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own
        import mlflow

        model = mlflow.pyfunc.load_model("models:/rage-fintech@champion")
        example = model.input_example
        assert example is not None
        found = model.predict(example)
        whole = model.predict(rows_of(policy, last))
    assert np.array_equal(whole.filter(like="prob_").to_numpy(np.float32), policy.decide(last).probs)
    assert len(found) == 3
    signature = model.metadata.signature
    assert signature.inputs.input_names()[:2] == ["user_id", "x_log_age"]
    assert signature.outputs.input_names()[:3] == ["user_id", "arm", "propensity"]
    assert [p.name for p in signature.params][:2] == ["week", "seed"]
    names = [p.name for p in (Path(uri.removeprefix("sqlite:///")).parent / "mlartifacts" / "models").rglob("*")]
    assert {"code_model.py", "policy.npz", "policy.json", "input_example.json"} <= set(names)
    assert not [name for name in names if name.endswith((".pkl", ".pickle", ".joblib"))]


def test_one_group_by_agent_gives_each_agent_one_curve_of_every_weekly_metric(shown_study: Results, uri: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own
        from mlflow.tracking import MlflowClient

        client = MlflowClient(tracking_uri=uri)
        where = client.get_experiment_by_name("rage")
        assert where is not None
        runs = [r for r in client.search_runs([where.experiment_id]) if r.data.tags["rage.kind"] == "run"]
        assert sorted((r.data.tags["rage.agent"], r.data.tags["rage.seed"]) for r in runs) == [
            (agent, str(seed)) for agent in sorted(shown_study.study.agents) for seed in (1, 2)
        ]
        series = []
        for run in runs:
            weekly = shown_study.weekly(run.data.tags["rage.agent"], int(run.data.tags["rage.seed"]))
            points = client.get_metric_history(run.info.run_id, "weekly/value")
            assert [(p.step, p.value) for p in points] == list(zip(weekly["week"], weekly["value"], strict=True))
            series.append([s.name for s in weekly_series(weekly)])
            drawn = {name for name in run.data.metrics if name.startswith("weekly/")}
            assert drawn == {s.name for s in weekly_series(weekly) if s.points}, "gaps in all weeks alone draw nothing"
            assert {"weekly/value", "weekly/net_revenue", "weekly/slack_true.loss_rate"} <= drawn
        others = [r for r in client.search_runs([where.experiment_id]) if r.data.tags["rage.kind"] != "run"]
    assert all(names == series[0] for names in series)
    assert [run.data.metrics for run in others] == [{}], "the comparison would be a curve without an agent"


def test_mlflows_own_variable_says_where_a_study_goes_unless_something_nearer_does(
    shown_study: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tracking.where(shown_study, None, None) == (tracking.default_uri(shown_study.path), "rage")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert tracking.where(shown_study, None, None)[0] == "http://127.0.0.1:9"
    assert tracking.where(shown_study, "sqlite:///x.db", "other") == ("sqlite:///x.db", "other")
    held = {**shown_study.config, "tracking": {"uri": "http://127.0.0.1:10", "experiment": "mine"}}
    monkeypatch.setattr(Results, "config", held)
    assert tracking.where(shown_study, None, None) == ("http://127.0.0.1:10", "mine")
    assert main(["track", str(shown_study.path), "--uri", "http://127.0.0.1:9"]) == 1
