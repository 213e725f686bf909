"""MLflow's own server takes a study, and gives back runs and policies, as a file does."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from experiments import tracking
from experiments.results import Results
from experiments.serving.example import rows_of
from experiments.serving.final import final_policy
from experiments.tracking.promote import Choice, promote
from tests.experiments.mlflow_store.stores import serving, store_given_back

SETTINGS = ("FILE_STORE", "ARTIFACT_ROOT", "ARTIFACT_DESTINATION", "SERVE_ARTIFACTS")
CHAMPION = ("rage-fintech", "champion")


@pytest.fixture
def server(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The application that `mlflow server` runs, over HTTP from this process: starting that one takes ten seconds."""
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    held = (f"sqlite:///{tmp_path}/mlflow.db", "mlflow-artifacts:/", (tmp_path / "mlartifacts").as_uri(), "true")
    for name, value in zip(SETTINGS, held, strict=True):
        monkeypatch.setenv(f"_MLFLOW_SERVER_{name}", value)
    with store_given_back():
        from mlflow.server.fastapi_app import app

        with serving(app) as address:
            monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
            yield address


def test_a_server_named_by_mlflows_own_variable_takes_a_study_once_and_serves_its_champion(
    shown_study: Results, server: str, tmp_path: Path
) -> None:
    first = tracking.track(shown_study.path)
    assert (first.uri, first.written, first.kept) == (server, 7, 0)
    assert tracking.track(shown_study.path).written == 0
    done = promote(shown_study, server, first.experiment, None, Choice(agent="lagrangian_linucb", seed=2))
    assert done.registered == ("1",)
    import mlflow
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=server)
    drawn = {r.data.tags["rage.run_id"]: r.data.metrics.get("weekly/value") for r in client.search_runs(["1"])}
    for agent, seed in shown_study.runs():
        assert drawn[f"{agent}/{seed}"] == shown_study.weekly(agent, seed)["value"].iloc[-1]
    where = client.get_model_version_download_uri("rage-fintech", client.get_model_version_by_alias(*CHAMPION).version)
    kept = mlflow.artifacts.download_artifacts(artifact_uri=where, dst_path=str(tmp_path / "got"), tracking_uri=server)
    policy, last = final_policy(shown_study, "lagrangian_linucb", 2)
    found = mlflow.pyfunc.load_model(kept).predict(rows_of(policy, last))
    assert np.array_equal(found.filter(like="prob_").to_numpy(np.float32), policy.decide(last).probs)
    assert list((tmp_path / "mlartifacts").rglob("policy.npz")), "files went through the server to where it keeps them"
