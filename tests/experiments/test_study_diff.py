"""What `rage diff` says of two studies: every change named, and differences judged in pairs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import experiments
from experiments import report
from experiments.cli import main
from experiments.config import ExperimentConfig
from experiments.results import Results
from experiments.study_diff import StudyDiff, diff

Small = Callable[..., ExperimentConfig]
AGENTS = [{"kind": "no_offer"}, {"kind": "random"}]


@pytest.fixture(scope="module")
def pair(small: Small, tmp_path_factory: pytest.TempPathFactory) -> tuple[Results, Results]:
    """The same small study; in the second each contact about a bonus costs three dollars more."""
    folder = tmp_path_factory.mktemp("pair")
    dear = {"arms": {"bonus_5": {"contact_cost_usd": 3.0}}}
    changes = {"weeks": 3, "users": 300, "seeds": [1, 2, 3], "monitors": [], "estimators": ["naive"], "agents": AGENTS}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "draw", lambda _: ())
        first = experiments.run(small(**changes), out=folder, track=False, progress=False)
        second = experiments.run(
            small(**{**changes, "seeds": [2, 3, 4]}, name="dear", scenario_overrides=dear),
            out=folder,
            track=False,
            progress=False,
        )
    return Results.open(first.path), Results.open(second.path)


@pytest.fixture(scope="module")
def found(pair: tuple[Results, Results]) -> StudyDiff:
    return diff(*pair)


def row(found: StudyDiff, agent: str, over: str, figure: str = "value") -> pd.Series:
    rows = found.rows
    return rows[(rows["agent"] == agent) & (rows["over"] == over) & (rows["figure"] == figure)].iloc[0]


def test_every_change_is_named_and_nothing_else(found: StudyDiff) -> None:
    told = {line.partition(":")[0] for line in found.asked}
    assert told == {"name", "scenario_overrides.arms", "seeds"}
    assert "seeds: 1, 2, 3 -> 2, 3, 4" in found.asked
    assert len(found.world) == 1
    assert found.code == found.made_with == ()
    assert [line.split(":")[0] for line in found.apart] == ["no_offer", "random"] * 2


def test_what_did_not_change_is_called_the_same_and_what_got_dearer_worse(found: StudyDiff) -> None:
    assert set(found.rows.loc[found.rows["agent"] == "no_offer", "verdict"]) == {"same"}
    judged = row(found, "random", "users")
    assert judged["verdict"] == "worse"
    assert judged["upper"] < 0


def test_differences_are_those_of_the_same_user_and_seed(pair: tuple[Results, Results], found: StudyDiff) -> None:
    tables = [[s.run_table("random", seed, "users")["value"].to_numpy() / 3 for seed in (2, 3)] for s in pair]
    moved = [now - then for then, now in zip(*tables, strict=True)]
    judged = row(found, "random", "users")
    assert judged["difference"] == pytest.approx(float(np.mean(moved)))
    se = np.sqrt(sum(m.var(ddof=1) / 300 for m in moved)) / 2
    assert judged["upper"] - judged["difference"] == pytest.approx(1.959964 * se, rel=1e-5)
    by_seed = row(found, "random", "seeds")
    assert (by_seed["seeds"], by_seed["difference"]) == (2, pytest.approx(judged["difference"]))


def test_unpaired_intervals_would_not_have_seen_it(pair: tuple[Results, Results], found: StudyDiff) -> None:
    """The known-wrong way: as if the two studies had nothing in common."""
    spread = [s.run_table("random", 2, "users")["value"].to_numpy().std(ddof=1) / 3 / np.sqrt(300) for s in pair]
    judged = row(found, "random", "users")
    assert judged["upper"] - judged["difference"] < 0.5 * 1.96 * float(np.hypot(*spread)) / np.sqrt(2)


def test_within_a_margin_a_difference_does_not_matter(pair: tuple[Results, Results]) -> None:
    assert row(diff(*pair, margin=100.0), "random", "users")["verdict"] == "does not matter"


def test_a_study_does_not_differ_from_itself(pair: tuple[Results, Results], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", str(pair[0].path), str(pair[0].path)]) == 0
    shown = capsys.readouterr().out
    assert "nothing changed but when and where they were run" in shown
    assert "worse" not in shown.replace("better, worse", "")


def test_the_command_finds_studies_by_name_and_refuses_what_is_damaged(
    pair: tuple[Results, Results], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", str(pair[0].path.parent)]
    assert main(["diff", "quickstart", "dear", "--json", *out]) == 0
    assert json.loads(capsys.readouterr().out)["second"] == str(pair[1].path)
    assert main(["diff", "quickstart", "deer", *out]) == 2
    assert "did you mean 'dear'?" in capsys.readouterr().err
    assert main(["diff", "quickstart", str(tmp_path), *out]) == 2
    assert "not a results folder" in capsys.readouterr().err
    summary = pair[1].run_folder("random", 2) / "summary.json"
    whole = summary.read_text()
    summary.write_text(whole[:-40])
    assert main(["diff", "quickstart", "dear", *out]) == 2
    assert f"{summary}: corrupted" in capsys.readouterr().err
    summary.write_text(whole)


def test_a_study_without_results_is_named_whichever_of_the_two_it_is(
    pair: tuple[Results, Results], small: Small, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, bare = str(pair[0].path), Results.create(tmp_path, small()).path
    for a, b in ((str(bare), whole), (whole, str(bare))):
        assert main(["diff", a, b]) == 2
        assert (
            f"error: {bare}: holds no finished run, so there is nothing to compare; `rage run"
            in capsys.readouterr().err
        )
    empty = tmp_path / "empty"
    for a, b in (("quickstrt", whole), (whole, "quickstrt")):
        assert main(["diff", a, b, "--out", str(empty)]) == 2
        told = capsys.readouterr().err
        assert f"'quickstrt' is no results folder, and {empty} holds no results yet" in told
        assert "`rage run quickstart` makes some" in told
