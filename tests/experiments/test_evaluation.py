"""`rage evaluate` on our own logs, and what it says when pointed at something else."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from experiments.cli import main
from experiments.evaluation import EvaluationReport, evaluate_command, evaluate_log
from experiments.evaluation_report import ValueRow
from experiments.log_source import Reading, open_source
from rage_env.errors import InputError, LogError, UnknownNameError
from rage_env.log import CohortLog, LogMeta, WeekLog
from rage_env.outcomes import IMMEDIATE

USERS, WEEKS, ARMS = 1_500, 4, ("no_offer", "coupon", "credit")
EFFECT = np.array([0.0, 2.0, -1.0])


def folder(tmp_path: Path, chance: float = 1.0) -> Path:
    """A log of users in pairs; with `chance` 0 everybody gets the arm of their number. A tenth leaves each week."""
    rng = np.random.default_rng(4)
    taste = np.repeat(rng.normal(size=USERS // 2), 2)
    weeks = []
    for week in range(WEEKS):
        present = np.arange(USERS) % 10 >= week
        odds = np.exp(np.outer(taste, [0.0, 0.7, -0.7]))
        probs = chance * odds / odds.sum(axis=1, keepdims=True) + (1 - chance) * np.eye(3)[np.arange(USERS) % 3]
        probs[~present] = [1.0, 0.0, 0.0]
        draw = np.repeat(rng.random(USERS // 2), 2)[:, None] if chance else np.full((USERS, 1), 0.5)
        arm = (draw > probs.cumsum(axis=1)).sum(axis=1).clip(max=2)
        revenue = np.where(present, 10 + 3 * taste + EFFECT[arm] + rng.normal(size=USERS), 0.0)
        columns = {c: np.zeros(USERS, np.float32) for c in IMMEDIATE}
        columns["revenue_gross"] = revenue.astype(np.float32)
        columns["active"] = present.astype(np.float32)
        weeks.append(
            WeekLog(
                week=week,
                user_id=np.arange(USERS),
                unit=np.arange(USERS) // 2,
                present=present,
                arm=arm,
                propensity=probs[np.arange(USERS), arm].astype(np.float32),
                features=taste[:, None].astype(np.float32),
                columns=columns,
                probs=probs.astype(np.float32),
            )
        )
    return CohortLog(LogMeta(ARMS, ("taste",), agent="random"), tuple(weeks)).write(tmp_path / "log")


def row(rows: tuple[ValueRow, ...], policy: str, estimator: str) -> ValueRow:
    return next(r for r in rows if (r.metric, r.policy, r.estimator) == ("reward", policy, estimator))


def test_a_log_of_ours_gives_back_the_effects_it_was_made_with(tmp_path: Path) -> None:
    report = evaluate_log(folder(tmp_path))
    here = 1 - 0.15  # share of user-weeks whose user is still there: 1, .9, .8, .7
    for estimator in ("ips", "snips", "dr"):
        for arm, effect in zip(ARMS[1:], EFFECT[1:], strict=True):
            line = row(report.effects, arm, estimator)
            assert abs(line.value - here * effect) < 4 * line.stderr
            assert line.evaluable, line.reason
    assert (
        abs(row(report.effects, "coupon", "naive").value - 2 * here) > 10 * row(report.effects, "coupon", "dr").stderr
    )
    assert row(report.effects, "coupon", "dr").stderr < row(report.effects, "coupon", "ips").stderr


def test_users_who_share_a_draw_are_one_unit(tmp_path: Path) -> None:
    report = evaluate_log(folder(tmp_path))
    assert (report.units, report.rows) == (USERS // 2, USERS * WEEKS)


def test_what_was_logged_is_worth_its_own_mean(tmp_path: Path) -> None:
    path = folder(tmp_path)
    report = evaluate_log(path, metrics=["reward"])
    mean = float(np.asarray(CohortLog.read(path).as_of()["reward"]).mean())
    for estimator in ("ips", "snips"):
        assert row(report.values, "as logged", estimator).value == pytest.approx(mean, rel=1e-6)


def test_a_deterministic_log_is_refused_but_for_the_model(tmp_path: Path) -> None:
    report = evaluate_log(folder(tmp_path, chance=0.0), metrics=["reward"])
    line = row(report.effects, "coupon", "ips")
    assert np.isnan(line.value)
    assert not line.evaluable
    assert row(report.effects, "coupon", "dm").evaluable
    assert json.loads(report.to_json())["effects"][2]["value"] is None


def test_a_ratio_has_values_and_effects(tmp_path: Path) -> None:
    report = evaluate_log(folder(tmp_path), metrics=["revenue_gross/active"])
    assert {r.metric for r in report.effects} == {"revenue_gross/active"}
    dr = next(r for r in report.effects if (r.policy, r.estimator) == ("coupon", "dr"))
    assert abs(dr.value - 2.0) < 4 * dr.stderr


def test_the_command_prints_what_cannot_be_trusted_and_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evaluate_command(str(folder(tmp_path, chance=0.0)), metric="reward")
    text = capsys.readouterr().out
    assert "NOT EVALUABLE" in text
    assert "the log is deterministic" in text


def test_a_foreign_file_is_read_through_a_mapping(tmp_path: Path) -> None:
    rows = [f"{i},{'ab'[i % 2]},{i % 2 + i % 3}" for i in range(600)]
    (tmp_path / "f.csv").write_text("\n".join(["who,arm,y", *rows]))
    (tmp_path / "m.yaml").write_text(
        "name: f\nsource: made up\nfile: f.csv\nunit: who\narm_column: arm\n"
        "arms: [{name: a, value: a, propensity: 1/2}, {name: b, value: b, propensity: 1/2}]\n"
        "outcomes: [{name: y, unit: count}]\n"
    )
    by_mapping = evaluate_log(tmp_path / "m.yaml")
    by_file: EvaluationReport = evaluate_log(tmp_path / "f.csv", tmp_path / "m.yaml")
    assert by_mapping.to_json() == by_file.to_json()
    assert by_mapping.effects[0].value == pytest.approx(1.0)


def foreign(tmp_path: Path, arms: str, propensity: str = "1/2", rows: int = 600) -> Path:
    """A mapping of a made-up file whose arms are those of `arms`, one letter a row in turn."""
    lines = [f"{i},{arms[i % len(arms)]},{i % 7 + i % 3},{i % 5},{propensity}" for i in range(rows)]
    (tmp_path / "f.csv").write_text("\n".join(["who,arm,y,x,p", *lines]))
    known = "propensities: withheld" if propensity == "" else "propensity_column: p"
    (tmp_path / "m.yaml").write_text(
        f"name: f\nsource: made up\nfile: f.csv\nunit: who\narm_column: arm\n{known}\n"
        "arms: [{name: a, value: a}, {name: b, value: b}, {name: c, value: c}]\n"
        "outcomes: [{name: y, unit: count}]\ncovariates: {numeric: [x]}\n"
    )
    return tmp_path / "m.yaml"


@pytest.mark.parametrize(
    ("arms", "propensity", "says"),
    [
        ("abc", "0.3333333", ""),
        ("abc", "1", "b is left out: the log left nothing to chance"),
        ("abc", "0.2", "b is left out: weights of a average 1.67"),
        ("abc", "", "b is left out: the log withholds its propensities"),
        ("ab", "0.5", "c is left out: c was never taken"),
    ],
)
def test_nobody_is_ranked_by_a_log_that_cannot_tell(tmp_path: Path, arms: str, propensity: str, says: str) -> None:
    path = foreign(tmp_path, arms, propensity.replace("0.3333333", str(1 / 3)))
    report = evaluate_log(path, estimators=["dm"])
    assert [row.arm for row in report.uplift] == (["b", "c"] if not says else ["b"] if arms == "ab" else [])
    assert not says or any(says in note for note in report.notes)
    if not report.uplift:
        assert main(["evaluate", str(path), "--uplift"]) == 2


def test_propensities_that_nobody_kept_can_be_guessed_where_somebody_asks(tmp_path: Path) -> None:
    path = foreign(tmp_path, "aabc", "")
    refused = next(r for r in evaluate_log(path, estimators=["dr"]).values if r.policy == "b for all")
    assert np.isnan(refused.value)
    assert not refused.evaluable
    reading = Reading(estimate_propensities=True)
    asked = evaluate_log(path, estimators=["dr"], reading=reading).values
    guessed = next(r for r in asked if r.policy == "b for all")
    assert "estimated propensities" in guessed.reason
    assert abs(guessed.value - 4.0) < 4 * guessed.stderr  # arms come in turn, so every arm meets the mean of all rows


def test_outcomes_beyond_any_model_are_told_by_column_and_row(tmp_path: Path) -> None:
    path = foreign(tmp_path, "abc", str(1 / 3))
    (tmp_path / "f.csv").write_text((tmp_path / "f.csv").read_text().replace(",6,", ",6e45,"))
    with pytest.raises(LogError, match=r"row \d+: a metric must be finite, and at most 1e\+30 in size"):
        evaluate_log(path, estimators=["dr"])


@pytest.mark.parametrize(
    ("path", "mapping", "error", "says"),
    [
        (
            "hillstorm",
            None,
            InputError,
            "hillstorm: no such log; give a folder with log.parquet, a mapping .*hillstrom",
        ),
        ("data.csv", None, InputError, "say what its columns mean with --mapping"),
        ("data.csv", "hilstrom", UnknownNameError, "did you mean 'hillstrom'"),
        ("empty", None, LogError, "log.parquet: no such file"),
        ("gone.csv", "hillstrom", InputError, "gone.csv: no such file"),
    ],
)
def test_something_else_than_a_log_is_answered_with_what_to_give(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, mapping: str | None, error: type[Exception], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "data.csv").write_text("a,b\n1,2\n")
    with pytest.raises(error, match=says):
        open_source(path, mapping)
