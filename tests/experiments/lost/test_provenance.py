"""Whatever is written says what it was made with."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import experiments
from experiments import provenance, storage
from experiments.cli import main
from experiments.data_files import DESCRIPTION
from experiments.results import Results
from rage_env.log import CohortLog
from tests.experiments.lost.folders import tiny

PARTS = {"packages", "platform", "processor", "code_hash", "commit"}


def told(held: object) -> dict[str, object]:
    """What was said, if it says everything."""
    assert isinstance(held, dict)
    assert set(held) >= PARTS
    assert held["packages"]["numpy"] == np.__version__
    assert {"family", "vector_instructions", "linear_algebra"} == set(held["processor"])
    return held


def test_the_processor_is_told_by_what_numpy_uses_of_it() -> None:
    held = provenance.processor()
    assert held["family"]
    assert isinstance(held["vector_instructions"], list)
    assert held["vector_instructions"]
    assert held["linear_algebra"]


@pytest.mark.parametrize(
    ("library", "told"),
    [
        ("numpy.libs/libscipy_openblas64_.so", ["Zen"]),
        ("numpy/.dylibs/libopenblas.dylib", ["Zen"]),
        ("openblas-pthread/libblas.so.3", ["Zen"]),
        ("scs.libs/libopenblas.so", []),
        ("scipy/.dylibs/libopenblas.dylib", []),
    ],
)
def test_linear_algebra_is_numpys_whatever_else_is_loaded(
    monkeypatch: pytest.MonkeyPatch, library: str, told: list[str]
) -> None:
    """scs is loaded in some processes of a study and not in others, whose results must not differ for it."""
    pool = {"user_api": "blas", "filepath": f"/somewhere/{library}", "architecture": "Zen", "internal_api": "openblas"}
    monkeypatch.setattr("threadpoolctl.threadpool_info", lambda: [pool])
    assert provenance.processor.__wrapped__()["linear_algebra"] == told


def test_a_study_and_each_of_its_runs_and_logs_say_what_made_them(tmp_path: Path) -> None:
    results = Results.open(experiments.run(tiny(), out=tmp_path, track=False, progress=False).path)
    told(results.study.made_with)
    assert results.study.config_hash == tiny().hash
    assert results.study.seeds == (1,)
    assert told(storage.read_json(results.run_folder("random", 1) / "provenance.json"))["seed"] == 1
    meta = CohortLog.read(results.run_folder("random", 1) / "log").meta
    assert set(meta.provenance) == PARTS - {"commit"} | {"experiment", "scenario_hash"}
    assert (meta.seed, meta.config_hash) == (1, tiny().hash)
    picture = next(results.figures.glob("*.png")).read_bytes()
    assert provenance.code_hash().encode() in picture


def test_simulated_tables_say_what_made_them(tmp_path: Path) -> None:
    for kind in ("parquet", "csv"):
        words = [
            "simulate",
            "fintech",
            "--users",
            "40",
            "--weeks",
            "2",
            "--format",
            kind,
            "--out",
            str(tmp_path / kind),
        ]
        assert main(words) == 0
    file = pq.read_schema(tmp_path / "parquet" / "users.parquet").metadata[DESCRIPTION]
    beside = (tmp_path / "csv" / "users.schema.json").read_text()
    for held in (json.loads(file), json.loads(beside)):
        told(held["provenance"])
        assert held["seed"] == 0
        assert len(held["scenario_hash"]) == 64


def test_an_evaluation_and_a_watched_experiment_say_what_made_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", "fintech", "--users", "40", "--weeks", "2", "--out", str(tmp_path)]) == 0
    capsys.readouterr()
    data = tmp_path / "test.csv"
    rows = [f"{u},{w},{'control' if u % 2 else 'new'},{(u * 7 + w) % 5}" for u in range(40) for w in range(3)]
    data.write_text("unit,week,group,value\n" + "\n".join(rows) + "\n")
    columns = ["--unit", "unit", "--time", "week", "--group", "group", "--metric", "value", "--weeks", "3"]
    assert main(["monitor", str(data), *columns, "--monitor", "group_sequential", "--json"]) == 0
    told(json.loads(capsys.readouterr().out)["provenance"])
    results = Results.open(experiments.run(tiny(), out=tmp_path, track=False, progress=False).path)
    assert main(["evaluate", str(results.run_folder("random", 1) / "log"), "--json"]) == 0
    told(json.loads(capsys.readouterr().out)["provenance"])


def test_a_calibrated_world_says_what_made_it_in_a_comment_that_is_json(tmp_path: Path) -> None:
    from datetime import date

    from experiments.calibration.report import Calibration
    from experiments.calibration.scenario_file import PROVENANCE, write_scenario
    from experiments.calibration.target import Target
    from rage_env import scenario

    found = Calibration.__new__(Calibration)
    world = scenario.load("fintech")
    target = Target.__new__(Target)
    object.__setattr__(target, "name", "nothing")
    for name, held in {"target": target, "scenario": "fintech", "draws": 100, "seed": 5, "parameters": ()}.items():
        object.__setattr__(found, name, held)
    write_scenario(found, world, tmp_path / "mine.yaml", date(2026, 1, 1))
    line = re.search(rf"^# {PROVENANCE}(.*)$", (tmp_path / "mine.yaml").read_text(), re.MULTILINE)
    assert line is not None
    assert told(json.loads(line[1]))["seed"] == 5


def test_differences_of_two_environments_are_named_but_not_the_commit() -> None:
    now = provenance.environment()
    assert provenance.differences(now, {**now, "commit": "another"}) == []
    packages = {**provenance.packages(), "numpy": "9.9"}
    assert provenance.differences(now, {**now, "packages": packages}) == [f"packages.numpy: {np.__version__} -> 9.9"]
    other = {**provenance.processor(), "vector_instructions": ["SSE", "AVX512F"]}
    (line,) = provenance.differences({"processor": {**other, "vector_instructions": ["SSE"]}}, {"processor": other})
    assert line == "processor.vector_instructions: with AVX512F"
