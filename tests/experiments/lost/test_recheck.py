"""A stored result computed again: the same bytes, or the first number that is not, and what it may come from."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

import experiments
from experiments import provenance, storage
from experiments.cli import main
from experiments.compare import first_difference
from experiments.recheck import check_stored
from experiments.results import Results
from experiments.seal import SEAL
from rage_env.errors import LogError
from tests.experiments.lost.folders import tiny


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished study; shared, so tests read it only."""
    return experiments.run(tiny(), out=tmp_path_factory.mktemp("whole"), track=False, progress=False).path


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    """The same study, to be changed."""
    return Path(shutil.copytree(whole, tmp_path / whole.name))


def changed_value(copy: Path) -> Path:
    """The run of `random` with another value in week 1, sealed anew as if it had been computed so."""
    results = Results.open(copy)
    tables = {name: results.run_table("random", 1, name) for name in results.run_tables}
    tables["weekly"].loc[1, "value"] += 0.5
    return results.write_run("random", 1, tables, results.summary("random", 1))


def test_a_stored_study_comes_out_the_same_byte_for_byte(whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--check", str(whole), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["verdict"] == "same"
    assert len(found["files"]) >= 2 * 7 + 3
    assert {f["how"] for f in found["files"]} == {"same bytes"}
    assert found["changed"] == []


def test_a_number_that_is_not_the_stored_one_is_named_by_file_column_and_row(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = changed_value(copy)
    assert main(["run", "--check", str(folder)]) == 1
    told = " ".join(capsys.readouterr().out.split())
    assert re.search(r"differs: (\d+) of (\d+) files hold the stored numbers first: runs", told)
    assert "first: runs/random/seed-1/weekly.parquet: column value, row 1: " in told
    assert "(1 of 2 rows, by at most 0.5)" in told


def test_another_environment_and_other_code_are_told_apart_from_a_difference_nobody_can_explain(copy: Path) -> None:
    file = changed_value(copy) / "provenance.json"
    made = storage.read_json(file)
    assert check_stored(file.parent).verdict == "differs"
    storage.write_json(file, made | {"code_hash": "f" * 64})
    found = check_stored(file.parent)
    assert found.verdict == "differs by code"
    assert found.changed == (f"code_hash: {'f' * 64} -> {provenance.code_hash()}",)
    assert isinstance(made["packages"], dict)
    storage.write_json(file, made | {"packages": made["packages"] | {"numpy": "1.9"}})
    found = check_stored(file.parent)
    assert found.verdict == "differs by environment"
    assert found.changed[0].startswith("packages.numpy: 1.9 -> 2.")


def test_what_was_edited_or_is_not_finished_or_lived_in_another_world_is_not_checked(copy: Path) -> None:
    summary = copy / "runs" / "random" / "seed-1" / "summary.json"
    held = summary.read_text()
    summary.write_text(held + " ")
    with pytest.raises(LogError, match=r"summary\.json: corrupted: changed since"):
        check_stored(copy)
    summary.unlink()
    with pytest.raises(LogError, match=r"is not finished \(1 runs to do\)"):
        check_stored(copy)
    summary.write_text(held)
    study = copy / "study.json"
    storage.write_json(study, storage.read_json(study) | {"scenario_hash": "0" * 64})
    (copy / SEAL).unlink()
    with pytest.raises(LogError, match="the world fintech has changed since"):
        check_stored(copy)


def test_check_goes_with_no_experiment_and_run_with_one(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["run", "quickstart", "--check", str(tmp_path)]) == 2
    assert "leave the experiment and overrides out" in capsys.readouterr().err
    assert main(["run"]) == 2
    assert "say what to run" in capsys.readouterr().err
    assert main(["run", "--check", str(tmp_path)]) == 2
    assert "not a results folder" in capsys.readouterr().err


def test_differences_of_tables_and_json_are_named_where_they_begin(tmp_path: Path) -> None:
    def table(name: str, **columns: list[object]) -> Path:
        return storage.write_table(tmp_path / f"{name}.parquet", pd.DataFrame(columns))

    base = table("base", a=[1.0, None], b=["x", "y"])
    assert first_difference(base, table("same", a=[1.0, None], b=["x", "y"])) is None
    assert first_difference(base, table("text", a=[1.0, None], b=["x", "z"])) == "column b, row 1: y -> z (1 of 2 rows)"
    assert str(first_difference(base, table("gap", a=[1.0, 2.0], b=["x", "y"]))).startswith("column a, row 1: nan -> 2")
    assert first_difference(base, table("short", a=[1.0], b=["x"])) == "2 rows -> 1 rows"
    assert first_difference(base, table("other", a=[1.0, None], c=["x", "y"])) == "columns missing ['b'], new ['c']"
    lists = table("lists", a=[[1.0, 2.0], None], b=["x", "y"])
    assert first_difference(lists, table("same lists", a=[[1.0, 2.0], None], b=["x", "y"])) is None
    assert first_difference(lists, table("new list", a=[[1.0, 3.0], None], b=["x", "y"])) == (
        "column a, row 0: [1.0, 2.0] -> [1.0, 3.0] (1 of 2 rows)"
    )
    assert str(first_difference(base, lists)).startswith("column a, row 0: 1.0 -> [1.0, 2.0]")
    one = storage.write_json(tmp_path / "one.json", {"a": {"b": [1, 2]}})
    two = storage.write_json(tmp_path / "two.json", {"a": {"b": [1, 3]}})
    assert first_difference(one, two) == "a.b[1]: 2 -> 3"
    assert first_difference(one, one) is None
