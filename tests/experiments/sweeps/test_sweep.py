"""A sweep: cells as `rage run` makes them, kept, compared, and one that fails costing itself alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

import experiments
from experiments import report, study, study_task
from experiments.cli import main
from experiments.config import ExperimentConfig
from experiments.results import Results
from experiments.runner import run_agent
from experiments.sweeps import cells, run
from experiments.sweeps.run import Swept, sweep
from rage_env.errors import RunError

SWEEP: dict[str, object] = {
    "name": "tiny",
    "question": "Whom does it pay to meet?",
    "base": "quickstart",
    "overrides": {"users": 200, "weeks": 2, "oracle.users_fit": 2000, "estimators": ["naive"], "monitors": []},
    "axes": [
        {"key": "scenario_overrides.guardrails.loss_rate.limit", "name": "limit", "values": [0.0025, 1e-7]},
        {"key": "agent", "values": ["random", "status_quo"]},
        {"key": "seeds", "values": [1, 2]},
    ],
}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sweep") / "tiny.yaml"
    path.write_text(yaml.safe_dump(SWEEP, sort_keys=False))
    return path


@pytest.fixture(scope="module")
def done(file: Path) -> Swept:
    """Eight cells, four of which cannot keep their limit; one process. Shared: tests leave it as it is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "draw", lambda _: ())
        return sweep(cells.load(file), out=file.parent / "out", workers=1, track=False, progress=False)


def test_a_cell_that_fails_is_told_with_its_reason_and_all_others_are_whole(done: Swept) -> None:
    assert [f.cell for f in done.failures] == [
        f"limit-1e-07_agent-{a}_seeds-{s}" for a in ("random", "status_quo") for s in (1, 2)
    ]
    assert all("loss_rate: limit 1e-07 cannot be met" in f.reason for f in done.failures)
    whole = sorted(done.path.glob("limit-0.0025_*/leaderboard.csv"))
    assert len(whole) == 4
    held = json.loads((done.path / "failures.json").read_text())
    assert len(held["failures"]) == 4


def test_a_cell_is_what_rage_run_makes_of_its_experiment(
    file: Path, done: Swept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "draw", lambda _: ())
    cell = cells.load(file).cells[0]
    alone = experiments.run(cell.config.model_copy(update={"workers": 1}), out=tmp_path, track=False, progress=False)
    inside = done.path / alone.path.name
    assert (inside / "leaderboard.csv").read_bytes() == (alone.path / "leaderboard.csv").read_bytes()
    assert Results.open(inside).pending() == ()


def test_agents_are_compared_over_seeds_that_stand_in_cells_of_their_own(done: Swept) -> None:
    board = done.standing.leaderboard.set_index(["cell", "agent"])
    assert board.loc[("limit-0.0025_agent-random", "random"), "seeds"] == "2 of 2"
    by_hand = [
        json.loads(next(done.path.glob(f"limit-0.0025_agent-{a}_seeds-{s}-*/runs/{a}/*/summary.json")).read_text())
        for s in (1, 2)
        for a in ("random", "status_quo")
    ]
    gains = np.array([run["gain"]["value"] for run in by_hand]).reshape(2, 2)
    row = done.standing.comparisons.set_index("contender").loc["limit-0.0025_agent-status_quo/status_quo"]
    assert row["against"] == "limit-0.0025_agent-random/random"
    assert row["difference"] == pytest.approx(float((gains[:, 1] - gains[:, 0]).mean()))
    written = pd.read_csv(done.path / "comparisons.csv").set_index("contender")
    assert written.loc["limit-0.0025_agent-status_quo/status_quo", "difference"] == pytest.approx(row["difference"])


def test_what_is_finished_is_not_run_again_and_failures_are_tried_again(
    file: Path, done: Swept, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(study_task, "run_agent", lambda *_: pytest.fail("a finished run was started again"))
    again = sweep(cells.load(file), out=done.path.parent, workers=1, track=False)
    assert "4 of 8 cells were finished before" in capsys.readouterr().err
    assert len(again.failures) == 4
    assert again.standing.leaderboard.equals(done.standing.leaderboard)


def test_the_board_is_there_before_the_sweep_is_done(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The seventh cell is interrupted: what stands then is on disk and can be asked for."""
    calls = []

    def stopped(*given: object) -> object:
        calls.append(given)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return run_agent(*given)  # type: ignore[arg-type]  # handed on as they came

    monkeypatch.setattr(report, "draw", lambda _: ())
    monkeypatch.setattr(study_task, "run_agent", stopped)
    command = ["sweep", str(file), "--out", str(tmp_path), "--workers", "1", "--no-track"]
    assert main(command) == 130
    assert "go on with" in capsys.readouterr().err
    board = pd.read_csv(tmp_path / "tiny" / "leaderboard.csv")
    assert set(board["seeds"]) == {"1 of 2"}
    assert main([*command, "--status", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert {row["agent"] for row in shown["leaderboard"]} == {"no_offer", "random"}


def test_a_damaged_file_costs_its_cell_and_is_named_with_the_way_out(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(report, "draw", lambda _: ())
    grid = cells.load(_limited(file, tmp_path))
    first = sweep(grid, out=tmp_path, workers=1, track=False, progress=False)
    damaged, older = (next(first.path.glob(f"agent-{a}-*")) for a in ("random", "status_quo"))
    summary = damaged / "runs" / "random" / "seed-1" / "summary.json"
    summary.write_text("{half of")
    text = json.loads((older / "study.json").read_text())
    (older / "study.json").write_text(json.dumps({**text, "schema": 1}))
    found = sweep(grid, out=tmp_path, workers=1, track=False, progress=False)
    assert [f.cell for f in found.failures] == ["agent-random", "agent-status_quo"]
    assert f"{summary}: corrupted" in found.failures[0].reason
    assert "delete the folder" in found.failures[0].reason
    assert "results schema 1, this RAGE reads 2" in found.failures[1].reason
    assert len(found.standing.unread) == 2
    (first.path / "sweep.json").write_text('{"schema": 0}')
    command = ["sweep", str(tmp_path / "limited.yaml"), "--out", str(tmp_path), "--no-track"]
    assert main(command) == 2
    assert "sweep schema 0, this RAGE writes 1" in capsys.readouterr().err


def _limited(file: Path, folder: Path) -> Path:
    """The same sweep over agents alone."""
    held = yaml.safe_load(file.read_text())
    held["axes"], held["overrides"]["seeds"] = [held["axes"][1]], [1]
    path = folder / "limited.yaml"
    path.write_text(yaml.safe_dump(held, sort_keys=False))
    return path


def test_a_worker_that_dies_takes_its_own_cell_with_it(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pool is gone with the first cell; then cells go on one by one, each with a pool of its own."""
    begun = []

    def died(*_: object, **__: object) -> Iterator[None]:
        raise RunError("a worker died at or before task 0 of 2")

    def of_its_own(config: ExperimentConfig, **_: object) -> None:
        begun.append((config.name, config.workers))
        if config.name == "agent-random":
            died()

    monkeypatch.setattr(run, "map_tasks", died)
    monkeypatch.setattr(study, "run", of_its_own)
    found = run.sweep(cells.load(_limited(file, tmp_path)), out=tmp_path, workers=2, track=False, progress=False)
    assert [(f.cell, f.kind) for f in found.failures] == [("agent-random", "RunError")]
    assert begun == [("agent-random", 2), ("agent-status_quo", 2)]


@pytest.mark.slow
def test_a_dry_run_tells_time_and_disk_and_runs_nothing(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["sweep", str(_limited(file, tmp_path)), "--out", str(tmp_path / "dry"), "--dry-run", "--json"]
    assert main(command) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [c["cell"] for c in shown["cells"]] == ["agent-random", "agent-status_quo"]
    assert [c["runs"] for c in shown["cells"]] == [2, 2]
    assert min(c["seconds"] for c in shown["cells"]) > 0 < min(c["bytes"] for c in shown["cells"])
    assert not (tmp_path / "dry").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["los_limit"], "did you mean 'loss_limit'?"),
        (["nowhere.yaml"], "nowhere.yaml: no such file"),
        (["loss_limit", "usrs=3"], "command line: usrs: unknown key: did you mean 'users'?"),
        (["loss_limit", "--out", "/proc/x", "--no-track"], "a sweep cannot be written to /proc/x"),
        (["loss_limit", "--workers", "0"], "--workers"),
    ],
)
def test_wrong_input_leaves_with_two_and_a_message(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sweep", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_a_reference_that_no_cell_has_is_refused_before_anything_is_run(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _limited(file, tmp_path)
    path.write_text(path.read_text() + "compare: {against: randm}\n")
    assert main(["sweep", str(path), "--out", str(tmp_path / "out"), "--no-track"]) == 2
    assert "compare.against: no cell has 'randm'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
