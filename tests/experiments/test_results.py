"""The results folder: what was written is read back, and what is broken is named."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments import provenance
from experiments.config import ExperimentConfig
from experiments.layout import SCHEMA, WALL_CLOCK
from experiments.results import Results
from rage_env.errors import LogError, RunError


def config(**changes: object) -> ExperimentConfig:
    fields: dict[str, object] = {
        "name": "small",
        "question": "does it hold together?",
        "scenario": "fintech",
        "users": 100,
        "weeks": 3,
        "seeds": [1, 2],
        "agents": [{"kind": "no_offer"}, {"kind": "random"}],
    }
    return ExperimentConfig.model_validate_json(json.dumps(fields | changes))


def read_everything(path: Path) -> None:
    results = Results.open(path)
    results.weekly("random", 2)
    results.summary("random", 2)


def weekly(weeks: int = 3) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "week": np.arange(weeks),
            "value": [0.1, 1 / 3, -2e-9][:weeks],
            "net_revenue": 1.5,
            "nrpau": 2.0,
            "present": [100, 99, 98][:weeks],
            "share_of_oracle": [math.nan, 0.5, math.nan][:weeks],
            "slack_true.loss_rate": 0.25,
            "violated.loss_rate": [False, True, False][:weeks],
        }
    )


WEEKLY = {"weekly": weekly()}


def test_a_run_reads_back_bit_for_bit_and_counts_as_done_only_with_all_its_files(tmp_path: Path) -> None:
    results = Results.create(tmp_path, config())
    assert len(results.pending()) == 4
    folder = results.write_run("random", 2, WEEKLY, {"value": np.float64(0.1), "gap": math.nan, "weeks": [np.int64(3)]})
    pd.testing.assert_frame_equal(results.weekly("random", 2), weekly(), check_exact=True)
    assert results.summary("random", 2) == {"value": 0.1, "gap": None, "weeks": [3]}
    assert results.pending() == (("no_offer", 1), ("no_offer", 2), ("random", 1))
    written = sorted(folder.iterdir())
    assert len(written) == 8
    for file in written:
        file.unlink()
        assert (("random", 2) in results.pending()) == (file.name not in WALL_CLOCK)
        results.write_run("random", 2, WEEKLY, {})
        assert ("random", 2) not in results.pending()


def test_a_run_that_should_keep_its_log_is_not_done_without_it(tmp_path: Path) -> None:
    results = Results.create(tmp_path, config(keep_logs=True))
    log = results.run_folder("random", 2) / "log"
    log.mkdir(parents=True)
    for name in ("log.parquet", "reports.parquet"):
        with pytest.raises(RunError, match=rf"{name} was not written"):
            results.write_run("random", 2, WEEKLY, {})
        assert not results.is_done("random", 2)
        (log / name).touch()
    results.write_run("random", 2, WEEKLY, {})
    assert results.is_done("random", 2)
    (log / "reports.parquet").unlink()
    assert not results.is_done("random", 2)


def test_a_study_goes_on_where_it_stopped_and_only_the_same_study_does(tmp_path: Path) -> None:
    first = Results.create(tmp_path, config())
    first.write_run("no_offer", 1, WEEKLY, {})
    again = Results.create(tmp_path, config(workers=1, tracking={"experiment": "other"}))
    assert again.path == first.path
    assert again.study == first.study
    assert ("no_offer", 1) not in again.pending()
    assert Results.create(tmp_path, config(users=101)).path != first.path
    other_world = config(scenario_overrides={"retention_value_usd": 81.0})
    assert Results.create(tmp_path, other_world).path != first.path


def test_other_code_makes_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Results.create(tmp_path, config())
    monkeypatch.setattr(provenance, "code_hash", lambda: "f" * 64)
    assert Results.create(tmp_path, config()).path != first.path


def test_tables_are_written_whole_and_the_leaderboard_as_csv_too(tmp_path: Path) -> None:
    results = Results.create(tmp_path, config())
    table = pd.DataFrame({"agent": ["no_offer", "random"], "value": [0.1, 0.2]})
    results.write_table("leaderboard", table)
    pd.testing.assert_frame_equal(results.table("leaderboard"), table)
    assert (results.path / "leaderboard.csv").read_text() == "agent,value\nno_offer,0.1\nrandom,0.2\n"
    assert not list(results.path.rglob("*.part"))
    assert not results.has_table("ope")
    with pytest.raises(LogError, match="no table is called 'leaderbord'"):
        results.table("leaderbord")
    with pytest.raises(LogError, match=r"ope\.parquet: no such file"):
        results.table("ope")


def test_all_weeks_of_all_finished_runs_stand_in_one_table(tmp_path: Path) -> None:
    results = Results.create(tmp_path, config())
    with pytest.raises(LogError, match="no run is finished"):
        results.all_weekly()
    results.write_run("random", 2, WEEKLY, {})
    results.write_run("no_offer", 1, WEEKLY, {})
    table = results.all_weekly()
    assert list(table.columns[:3]) == ["agent", "seed", "week"]
    assert list(zip(table["agent"], table["seed"], strict=True))[::3] == [("no_offer", 1), ("random", 2)]


@pytest.mark.parametrize("name", ["study.json", "runs/random/seed-2/weekly.parquet", "runs/random/seed-2/summary.json"])
@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\x00", b"PAR1"])
def test_a_corrupted_file_is_named_and_its_way_out(tmp_path: Path, name: str, content: bytes) -> None:
    results = Results.create(tmp_path, config())
    results.write_run("random", 2, WEEKLY, {})
    (results.path / name).write_bytes(content)
    with pytest.raises(LogError, match=name.rpartition("/")[2].replace(".", r"\.") + ".*run the study again"):
        read_everything(results.path)


@pytest.mark.parametrize("schema", [SCHEMA + 1, SCHEMA - 1, None])
def test_a_folder_of_another_schema_is_refused_by_its_number(tmp_path: Path, schema: int | None) -> None:
    results = Results.create(tmp_path, config())
    file = results.path / "study.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"schema": schema}))
    with pytest.raises(LogError, match=f"results schema {schema}, this RAGE reads {SCHEMA}"):
        Results.open(results.path)
    with pytest.raises(LogError, match="results schema"):
        Results.create(tmp_path, config())


def test_a_study_file_with_a_missing_key_is_refused_by_that_key(tmp_path: Path) -> None:
    results = Results.create(tmp_path, config())
    file = results.path / "study.json"
    raw = json.loads(file.read_text())
    del raw["seeds"]
    file.write_text(json.dumps(raw))
    with pytest.raises(LogError, match="seeds"):
        Results.open(results.path)


def test_a_folder_that_is_no_results_folder_and_a_run_that_is_not_of_the_study_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LogError, match=r"no study\.json"):
        Results.open(tmp_path)
    with pytest.raises(LogError, match="no run of agent 'blanket' with seed 1"):
        Results.create(tmp_path, config()).weekly("blanket", 1)


def test_a_weekly_table_that_lacks_a_column_or_a_week_is_never_written(tmp_path: Path) -> None:
    results = Results.create(tmp_path, config())
    for broken in (weekly().drop(columns="nrpau"), weekly(2), weekly().assign(agent="x")):
        with pytest.raises(RunError, match="run of random, seed 1: weekly table"):
            results.write_run("random", 1, {"weekly": broken}, {})
    assert not (results.path / "runs").exists()


def test_provenance_names_python_and_numpy_and_is_stable() -> None:
    assert {"python", "numpy"} <= set(provenance.packages())
    assert provenance.code_hash() == provenance.code_hash()
    assert len(provenance.code_hash()) == 64
