"""A summary from which no leaderboard can be made is told by file and key; whoever compares nobody gets no warning."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import experiments
from experiments.config import ExperimentConfig
from experiments.layout import RUN_TABLES
from experiments.results import Results
from rage_env.errors import LogError

Small = Callable[..., ExperimentConfig]
Summary = dict[str, object]
ALONE = {"seeds": [1], "agents": [{"kind": "no_offer"}], "users": 100, "weeks": 3}


@pytest.fixture(scope="module")
def alone(small: Small, tmp_path_factory: pytest.TempPathFactory) -> Results:
    """A finished study of no_offer alone."""
    done = experiments.run(small(**ALONE), out=tmp_path_factory.mktemp("alone"), track=False, progress=False)
    return Results.open(done.path)


def test_a_study_of_no_offer_alone_has_a_leaderboard_and_no_curve_of_gains(alone: Results) -> None:
    assert alone.table("leaderboard")["agent"].tolist() == ["no_offer"]
    drawn = {p.stem for p in alone.figures.glob("*.png")}
    assert "leaderboard" in drawn
    assert "cumulative_value" not in drawn


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"oracle": {"agent": 1.0, "no_offer": 1.0, "oracle_latent": 1.0}}, "oracle.oracle_observable: field required"),
        ({"gain": 3}, "gain: input should be"),
        ({"weeks": "six"}, "weeks: input should be a valid integer"),
        ({"monitors": {"alarm": {"verdict": "continue"}}}, "monitors.alarm.mark: field required"),
    ],
)
def test_a_summary_that_lost_a_figure_is_told_by_file_and_key(alone: Results, change: Summary, said: str) -> None:
    file = alone.run_folder("no_offer", 1) / "summary.json"
    whole = file.read_text()
    try:
        file.write_text(json.dumps(json.loads(whole) | change))
        with pytest.raises(LogError, match=rf"summary\.json: damaged \({said}.*run the study again"):
            alone.summaries()
    finally:
        file.write_text(whole)
    assert list(alone.summaries()) == ["no_offer"]


def test_every_file_that_a_finished_run_loses_is_made_again(alone: Results, small: Small) -> None:
    folder = alone.run_folder("no_offer", 1)
    for name in RUN_TABLES:
        (folder / f"{name}.parquet").unlink()
    again = experiments.run(small(**ALONE), out=alone.path.parent, track=False, progress=False)
    assert again.path == alone.path
    assert alone.pending() == ()


def test_a_summary_that_is_empty_names_every_figure_that_is_gone(alone: Results, tmp_path: Path) -> None:
    bare = Results.create(tmp_path, ExperimentConfig.model_validate(alone.config, strict=False))
    bare.write_run("no_offer", 1, {"weekly": alone.weekly("no_offer", 1)}, {})
    with pytest.raises(LogError, match=r"summary\.json: damaged \(value: .*gain: .*monitors: "):
        bare.summaries()
