"""A study gives the same bits however it is run, goes on where it stopped, and refuses what cannot be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import experiments
from experiments import study_task, tracking
from experiments.config import ExperimentConfig
from experiments.results import Results
from experiments.study import StudyResult
from rage_env import scenario
from rage_env.errors import GuardrailError, RunError
from rage_env.log import CohortLog

pytestmark = pytest.mark.usefixtures("undrawn")

Small = Callable[..., ExperimentConfig]
PAIR = [{"kind": "no_offer"}, {"kind": "random"}]


@pytest.fixture(scope="module")
def done(small: Small, tmp_path_factory: pytest.TempPathFactory) -> StudyResult:
    """A finished study, one worker; shared, so tests read it only."""
    return experiments.run(small(), out=tmp_path_factory.mktemp("one"), track=False, progress=False)


def contents(folder: Path) -> dict[str, bytes]:
    """Every table and summary of a results folder."""
    files = [*folder.rglob("*.parquet"), *folder.rglob("summary.json"), folder / "leaderboard.csv"]
    return {str(f.relative_to(folder)): f.read_bytes() for f in files}


def test_two_workers_give_the_same_bytes_as_one(small: Small, done: StudyResult, tmp_path: Path) -> None:
    other = experiments.run(small(workers=2), out=tmp_path, track=False, progress=False)
    assert other.path.name == done.path.name
    assert contents(other.path) == contents(done.path)


def test_learners_too_give_the_same_bytes_on_two_workers(small: Small, tmp_path: Path) -> None:
    learners = [{"kind": a} for a in ("no_offer", "lagrangian_linucb", "constrained_thompson", "uplift_greedy")]
    config = small(seeds=[1], agents=learners)
    alone = experiments.run(config, out=tmp_path / "1", track=False, progress=False)
    shared = experiments.run(config, out=tmp_path / "2", track=False, progress=False, workers=2)
    assert contents(shared.path) == contents(alone.path)


def test_another_seed_gives_other_bytes(small: Small, done: StudyResult, tmp_path: Path) -> None:
    other = experiments.run(small(seeds=[3]), out=tmp_path, track=False, progress=False)
    assert (other.path / "leaderboard.csv").read_bytes() != (done.path / "leaderboard.csv").read_bytes()


def test_a_study_that_lost_a_run_makes_it_again_to_the_same_bytes(small: Small, tmp_path: Path) -> None:
    config = small(seeds=[1], agents=PAIR)
    first = experiments.run(config, out=tmp_path, track=False, progress=False)
    before = contents(first.path)
    folder = first.path / "runs" / "random" / "seed-1"
    (folder / "checksums.json").unlink()  # as in a run that was killed
    (folder / "weekly.parquet").write_bytes(b"half of it")
    assert contents(experiments.run(config, out=tmp_path, track=False, progress=False).path) == before


def test_finished_runs_are_not_run_again(
    small: Small, done: StudyResult, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(study_task, "run_agent", lambda *_: pytest.fail("a finished run was started again"))
    again = experiments.run(small(), out=done.path.parent, track=False)
    assert "6 of 6 runs were finished before" in capsys.readouterr().err
    assert again.leaderboard.equals(done.leaderboard)


def test_every_run_leaves_a_whole_record(done: StudyResult) -> None:
    results = Results.open(done.path)
    weekly = results.weekly("random", 2)
    arms = weekly[[c for c in weekly.columns if c.startswith("share.")]]
    assert np.allclose(arms.sum(axis=1), 1)
    assert weekly["share_of_oracle"].notna().tolist() == [True, False, False, True, False, False]
    assert results.summary("random", 2)["value"] == pytest.approx(float(weekly["value"].mean()))
    assert set(results.table("ope")["agent"]) == {"no_offer", "random", "blanket"}
    assert {p.stem for p in results.figures.glob("*.png")} >= {"cumulative_value", "leaderboard", "slack"}


def test_doing_nothing_gains_nothing_and_breaks_nothing(done: StudyResult) -> None:
    row = done.leaderboard.set_index("agent").loc["no_offer"]
    assert (row["gain"], row["gain_lower"], row["gain_upper"], row["share_of_oracle"]) == (0, 0, 0, 0)
    unavoidable = [row[c] for c in done.leaderboard.columns if c.startswith("unavoidable.")]
    assert row["weeks_violated"] == 0
    assert sum(unavoidable) == 0


def test_a_credit_line_for_all_is_seen_to_break_the_limits_on_loss_and_contacts(done: StudyResult) -> None:
    row = done.leaderboard.set_index("agent").loc["blanket"]
    assert row["violated.loss_rate"] == row["violated.contact_capacity"] == row["weeks"] == 12
    assert row["slack_true_mean.loss_rate"] < 0 < row["slack_true_mean.bonus_budget"]


def impossible(limit: float) -> dict[str, object]:
    """Overrides that leave fintech with one limit, on its loss rate."""
    loss = next(g for g in scenario.load("fintech").guardrails if g.name == "loss_rate")
    return {"guardrails": [loss.model_copy(update={"limit": limit}).model_dump(mode="json")]}


def test_a_limit_that_doing_nothing_breaks_ends_the_study_before_it_starts(small: Small, tmp_path: Path) -> None:
    config = small(scenario_overrides=impossible(1e-7), monitors=[])
    with pytest.raises(GuardrailError, match=r"loss_rate: limit 1e-07 .*even arm \w+, given .*uses 0\.00\d+.*proof of"):
        experiments.run(config, out=tmp_path, track=False, progress=False)
    assert list(tmp_path.iterdir()) == []


def test_mlflow_that_does_not_answer_costs_no_result(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object) -> None:
        raise RunError("the store does not answer")

    monkeypatch.setattr(tracking, "track", fails)
    monkeypatch.setattr(tracking, "initialise", lambda _: None)
    config = small(seeds=[1], users=200, agents=PAIR, tracking={"uri": "http://127.0.0.1:9"})
    held = experiments.run(config, out=tmp_path)
    assert (held.path / "leaderboard.csv").is_file()
    assert f"rage track {held.path}" in capsys.readouterr().err


def test_a_log_that_was_kept_can_be_read_and_holds_what_was_drawn(small: Small, tmp_path: Path) -> None:
    config = small(seeds=[1], users=300, agents=PAIR, keep_logs=True)
    results = Results.open(experiments.run(config, out=tmp_path, track=False, progress=False).path)
    log = CohortLog.read(results.run_folder("random", 1) / "log")
    table = log.as_of()
    assert table.num_rows == 300 * 6
    mean = float(np.mean(table["reward"].to_numpy()))
    assert mean == pytest.approx(float(str(results.summary("random", 1)["value"])), rel=1e-5)
