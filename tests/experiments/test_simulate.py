"""Data of a lived world: whole, the same for the same seed, what a run would log, and free of what nobody can know."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from experiments import cli, estimators, history
from experiments.config import AgentEntry, ExperimentConfig
from experiments.data_files import FORMATS, Format, read_description
from experiments.data_tables import TABLES
from experiments.hidden import TRUE, Depth
from experiments.history import Plan
from experiments.runner import run_agent
from experiments.simulate import simulate
from rage_env import yamlfile
from rage_env.errors import ConfigError
from rage_env.log import CohortLog
from rage_env.mutants.sight import LatentInInfo, LatentObserved
from rage_env.outcomes import COLUMNS, DELAYED
from rage_env.scenario import load
from rage_env.state import Lives, Traits

Small = Callable[..., ExperimentConfig]
SEEN = ("users", "behavior_weekly", "reports")


FINTECH = load("fintech")


def plan(
    users: int = 300,
    weeks: int = 6,
    seed: int = 42,
    policy: str = "status_quo",
    population: Literal["closed", "open"] = "closed",
) -> Plan:
    return Plan(FINTECH, users, weeks, seed, policy, population=population)


def read(folder: Path, name: str, kind: Format = "parquet") -> pd.DataFrame:
    path = folder / f"{name}.{kind}"
    if kind == "parquet":
        return pd.read_parquet(path)
    return pd.read_csv(path) if kind == "csv" else pd.DataFrame(json.loads(path.read_text()))


def written(folder: Path, made: Plan, kind: Format = "parquet", depth: Depth = "seen") -> Path:
    simulate(made, folder, kind=kind, depth=depth)
    return folder


def faces(column: pd.Series[float]) -> list[np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """Its ranks, or a flag for each of its few values; what never varies shows nothing."""
    kinds = column.unique()
    if 1 < len(kinds) <= 16:
        return [(column == kind).to_numpy(np.float64) for kind in kinds]
    return [column.rank().to_numpy()] if len(kinds) > 16 else []


def leaks(folder: Path) -> list[str]:
    """Columns outside the truth files that are called like the state, or that rise and fall with something latent."""
    truth = read(folder, "truth")
    observed = {"region", "channel"}
    state = {f.name for struct in (Traits, Lives) for f in fields(struct)} - {"user_id", *observed, *COLUMNS}
    found = []
    for name in SEEN:
        table = read(folder, name)
        found += [f"{name}.{c}" for c in table.columns if c in state or c.startswith(TRUE)]
    users = read(folder, "users")
    latent = truth.drop(columns=["user_id", "true_kyc", "true_device", "true_churn_signal", "true_credit_signal"])
    latent = latent.drop(columns=[f"{TRUE}{c}" for c in observed])
    shown = [(c, v) for c in users.columns.drop(["user_id", "first_week", "unit"]) for v in faces(users[c])]
    for hidden in latent.columns:
        for column, visible in shown:
            if any(abs(float(np.corrcoef(h, visible)[0, 1])) > 0.98 for h in faces(latent[hidden])):
                found.append(f"users.{column} shows {hidden}")
    return found


def test_users_weeks_and_reports_have_the_columns_that_they_say_they_have(tmp_path: Path) -> None:
    folder = written(tmp_path / "d", plan())
    assert sorted(p.name for p in folder.iterdir()) == ["behavior_weekly.parquet", "reports.parquet", "users.parquet"]
    users, weekly, reports = (read(folder, name) for name in SEEN)
    assert len(users) == 300
    assert users["user_id"].is_unique
    assert {"region", "channel", "first_week", "unit", "x_device_risk"} <= set(users.columns)
    assert len(weekly) == 300 * 6
    assert {"arm", "propensity", "reward", *COLUMNS, "x_device_risk", "prob_bonus_5"} <= set(weekly.columns)
    assert list(reports.columns) == ["user_id", "accrual_week", "reported_week", "column", "amount"]
    assert set(reports["column"]) <= set(DELAYED)
    for name in SEEN:
        said = read_description(folder / f"{name}.parquet")
        columns = said["columns"]
        assert isinstance(columns, list)
        assert [c["name"] for c in columns] == list(read(folder, name).columns)
        assert all(c["meaning"] for c in columns)
        assert said["about"] == TABLES[name]
        assert said["scenario_hash"] == yamlfile.config_hash(FINTECH)
        assert (said["scenario"], said["seed"], said["policy"]) == ("fintech", 42, "status_quo")


def test_the_weeks_on_disk_are_those_that_a_run_of_the_same_policy_and_seed_logs(tmp_path: Path, small: Small) -> None:
    run_agent(small(users=300, monitors=[]), AgentEntry(kind="status_quo"), 42, tmp_path / "log")
    logged = CohortLog.read(tmp_path / "log").as_of(5)
    ours = pq.read_table(written(tmp_path / "d", plan()) / "behavior_weekly.parquet")
    assert ours.replace_schema_metadata(None).equals(logged.replace_schema_metadata(None))


def test_a_delayed_loss_stands_in_its_week_only_once_it_was_reported(tmp_path: Path) -> None:
    folder = written(tmp_path / "d", plan(users=10_000, weeks=10, policy="random"), depth="state")
    weekly, reports, truth = (read(folder, name) for name in ("behavior_weekly", "reports", "truth_weekly"))
    fraud = reports[(reports["column"] == "loss_fraud") & (reports["accrual_week"] >= 0)]
    known = fraud.groupby(["user_id", "accrual_week"])["amount"].sum()
    shown = weekly[weekly["loss_fraud"] > 0].set_index(["user_id", "week"])["loss_fraud"]
    assert len(shown) > 5
    np.testing.assert_allclose(shown.sort_index().to_numpy(), known.sort_index().to_numpy(), rtol=1e-6)
    accrued = truth["true_loss_fraud"].sum()
    assert shown.sum() < accrued  # some was still to come when the last week ended
    assert reports["reported_week"].between(0, 9).all()


@pytest.mark.parametrize("kind", FORMATS)
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path, kind: Format) -> None:
    folders = [tmp_path / "a", tmp_path / "b", tmp_path / "c"]
    for folder, seed in zip(folders, (42, 42, 43), strict=True):
        written(folder, plan(users=60, weeks=3, seed=seed), kind, "potential")
    for file in sorted(p.name for p in folders[0].iterdir()):
        first, again, other = ((folder / file).read_bytes() for folder in folders)
        assert first == again, file
        assert first != other or file == f"reports.{kind}", file  # so few users may have nothing to report


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_csv_and_json_hold_the_very_numbers_of_parquet_and_describe_themselves(tmp_path: Path, kind: Format) -> None:
    made = plan(users=80, weeks=3)
    parquet, other = written(tmp_path / "p", made), written(tmp_path / "o", made, kind)
    for name in SEEN:
        whole, back = read(parquet, name), read(other, name, kind)
        assert list(back.columns) == list(whole.columns) or not len(whole)
        for column in whole.columns if len(whole) else []:
            np.testing.assert_array_equal(back[column].to_numpy().astype(whole[column].dtype), whole[column].to_numpy())
        said = read_description(other / f"{name}.{kind}")
        assert said == read_description(parquet / f"{name}.parquet")


def test_nothing_latent_stands_outside_the_truth_files(tmp_path: Path) -> None:
    folder = written(tmp_path / "d", plan(users=2000, weeks=2), depth="potential")
    assert leaks(folder) == []
    truth = read(folder, "truth")
    assert {"true_archetype", "true_fraud_type", "true_log_spend", "true_churn_rate"} <= set(truth.columns)
    weekly = read(folder, "truth_weekly")
    assert {"true_shock", "true_loss_fraud", "true_gmv.no_offer", "true_gmv.credit_line"} <= set(weekly.columns)


@pytest.mark.parametrize("broken", [LatentInInfo, LatentObserved])
def test_a_world_that_shows_something_latent_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: type
) -> None:
    monkeypatch.setattr(history, "CohortEnv", broken)
    assert leaks(written(tmp_path / "d", plan(users=2000, weeks=1), depth="state"))


def test_without_truth_no_truth_file_is_written(tmp_path: Path) -> None:
    folder = written(tmp_path / "d", plan(users=20, weeks=1))
    assert not [p for p in folder.iterdir() if "truth" in p.name]


def test_potential_outcomes_hold_under_the_arm_taken_what_the_week_then_brought(tmp_path: Path) -> None:
    folder = written(tmp_path / "d", plan(users=500, weeks=2, policy="random"), depth="potential")
    weekly, truth = read(folder, "behavior_weekly"), read(folder, "truth_weekly")
    arms = read_description(folder / "users.parquet")["arms"]
    assert isinstance(arms, list)
    there = weekly["present"].to_numpy()
    for a, arm in enumerate(arms):
        rows = there & (weekly["arm"] == a).to_numpy()
        np.testing.assert_array_equal(weekly["gmv"][rows], truth[f"true_gmv.{arm}"][rows])


def test_newcomers_of_an_open_world_are_users_of_their_own(tmp_path: Path) -> None:
    folder = written(tmp_path / "d", plan(users=500, weeks=12, population="open"), depth="state")
    users, weekly, truth = read(folder, "users"), read(folder, "behavior_weekly"), read(folder, "truth")
    assert users["user_id"].is_unique
    assert set(users["user_id"]) == set(weekly["user_id"]) == set(truth["user_id"])
    assert (users["first_week"] > 0).any()
    first = weekly.groupby("user_id")["week"].min()
    assert (users.set_index("user_id")["first_week"].sort_index() == first.sort_index()).all()
    assert weekly["present"].all()


def test_a_learner_can_be_the_policy_and_its_log_can_be_evaluated(tmp_path: Path) -> None:
    folder = written(tmp_path / "d", plan(users=400, weeks=4, policy="lagrangian_linucb"))
    log = pd.read_parquet(folder / "behavior_weekly.parquet")
    probs = log[[c for c in log.columns if c.startswith("prob_")]].to_numpy(float)
    found = estimators.evaluate(log, probs, ["ips"])
    assert found["value"].iloc[0] == pytest.approx(log["reward"].mean())
    assert len(set(log["arm"])) > 1


@pytest.mark.parametrize("kind", FORMATS)
def test_withheld_propensities_are_in_no_column(tmp_path: Path, kind: Format) -> None:
    simulate(plan(users=50, weeks=2), tmp_path / "d", kind=kind, withhold=True)
    weekly = read(tmp_path / "d", "behavior_weekly", kind)
    assert weekly["propensity"].isna().all()
    assert not [c for c in weekly.columns if c.startswith("prob_")]
    whole = read(written(tmp_path / "w", plan(users=50, weeks=2)), "behavior_weekly")
    assert (weekly["arm"] == whole["arm"]).all()


def test_an_estimator_that_weighs_refuses_a_log_of_withheld_propensities(tmp_path: Path) -> None:
    simulate(plan(users=50, weeks=2), tmp_path / "d", withhold=True)
    log = read(tmp_path / "d", "behavior_weekly")
    nobody = np.eye(6)[np.zeros(len(log), int)]
    found = estimators.evaluate(log, nobody, ["ips"])
    assert not found["evaluable"].iloc[0]
    assert "withholds its propensities" in found["reason"].iloc[0]


def test_data_that_are_there_are_replaced_only_by_force_and_then_as_a_whole(tmp_path: Path) -> None:
    folder = written(tmp_path / "d", plan(users=20, weeks=1), "csv", "state")
    (folder / "mine.csv").write_text("kept")
    with pytest.raises(ConfigError, match=r"users\.csv is there already \(10 such files\); .*--force"):
        simulate(plan(users=20, weeks=1), folder, kind="csv")
    with pytest.raises(ConfigError, match="is there already"):
        simulate(plan(users=20, weeks=1), folder)  # in another format, too: two cohorts would stand side by side
    simulate(plan(users=30, weeks=1), folder, force=True)
    assert sorted(p.name for p in folder.iterdir()) == [
        *("behavior_weekly.parquet", "mine.csv", "reports.parquet", "users.parquet")
    ]


def test_a_run_that_fails_half_way_leaves_nothing_and_what_stood_there_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: history.History) -> object:
        yield self._live()
        raise RuntimeError("half way")

    monkeypatch.setattr(history.History, "weeks", broken)
    with pytest.raises(RuntimeError, match="half way"):
        simulate(plan(users=20), tmp_path / "new" / "deep")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "users.parquet").write_text("older")
    with pytest.raises(RuntimeError, match="half way"):
        simulate(plan(users=20), tmp_path, force=True)
    assert [p.name for p in tmp_path.iterdir()] == ["users.parquet"]
    assert (tmp_path / "users.parquet").read_text() == "older"


@pytest.mark.parametrize("blow", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_simulation_that_is_killed_leaves_no_data_file(tmp_path: Path, blow: signal.Signals) -> None:
    root = Path(cli.__file__).resolve().parent.parent
    code = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "  # ignored in the background
    code += "from experiments.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "simulate", "fintech", "--users", "50", "--weeks", "9999", "--out", "d"]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        env={"PYTHONPATH": str(root)},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("week ")
        process.send_signal(blow)
        told = process.stderr.read()
    assert "Traceback" not in told
    if blow is signal.SIGKILL:
        assert [p.name[:6] for p in (tmp_path / "d").iterdir()] == [".part-"]  # hidden, never under a data file's name
    else:
        assert process.returncode == 1
        assert f"stopped by {blow.name}: nothing was written to d" in told
        assert list(tmp_path.iterdir()) == []


def test_a_row_group_holds_a_week(tmp_path: Path) -> None:
    file = pq.ParquetFile(written(tmp_path / "d", plan(users=50, weeks=4)) / "behavior_weekly.parquet")
    weeks = [set(file.read_row_group(g)["week"].to_pylist()) for g in range(file.num_row_groups)]
    assert weeks == [{0}, {1}, {2}, {3}]
    assert file.schema_arrow.field("propensity").type == pa.float32()
