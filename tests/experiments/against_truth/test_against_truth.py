"""Marks by the truth: lived small, resumed, told on a page; the sign of a risk-biased log as the report claims it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments.against_truth import study as lives
from experiments.against_truth.cells import LOGGING, TARGETS, Cell, Limit, cells, world
from experiments.against_truth.lived import lived
from experiments.against_truth.marks import EFFECT, marked, path_effects
from experiments.against_truth.page import page
from experiments.against_truth.study import Found, study
from experiments.against_truth.summary import EstimatorLine, carry_over, estimator_lines, limit_lines, step_truth
from experiments.cli import main
from rage_env.errors import UnknownNameError


def small(scenario: str, logging: str, users: int = 400, weeks: int = 2) -> Cell:
    (cell,) = (c for c in cells(scenario) if c.logging == logging)
    return replace(cell, world=replace(cell.world, users=users, weeks=min(weeks, cell.world.weeks)))


def by_name(found: Found) -> dict[str, EstimatorLine]:
    return {line.estimator: line for line in estimator_lines(found)}


def test_five_worlds_are_logged_in_three_ways() -> None:
    assert len(cells()) == 15
    assert {c.logging for c in cells("marketing")} == set(LOGGING)
    with pytest.raises(UnknownNameError, match="did you mean 'fintech'"):
        world("fintec")


@pytest.mark.parametrize("cell", cells(), ids=lambda c: c.name)
def test_every_cell_can_be_lived_and_its_log_gives_every_target_a_chance(cell: Cell) -> None:
    found = lived(small(cell.world.scenario, cell.logging), 1)
    table, arm = found.table, np.asarray(found.table["arm"].to_numpy())
    propensity = np.asarray(table["propensity"].to_numpy())
    present = np.asarray(table["present"].to_numpy(), np.bool_)
    assert propensity[present].min() >= 0.999 * cell.floor
    assert (arm[~present] == 0).all()
    assert set(found.targets) == set(found.truth) == set(TARGETS)
    halves = found.targets["riskier half"][:, 1:] + found.targets["safer half"][:, 1:]
    np.testing.assert_array_equal(halves, found.targets["everybody"][:, 1:])


def test_truth_of_halves_adds_up_and_is_what_the_log_itself_shows_on_average() -> None:
    found = lived(small("marketing", "uniform", users=20_000), 2)
    worth = {t: found.truth[t]["reward"] for t in TARGETS}
    assert worth["riskier half"] + worth["safer half"] == pytest.approx(worth["everybody"] + worth["nobody"])
    reward = np.asarray(found.table["reward"].to_numpy())
    even = (worth["everybody"] + worth["nobody"]) / 2  # the log drew two arms alike
    assert abs(reward.mean() - even) < 3.9 * reward.std() / len(reward) ** 0.5


def test_a_study_goes_on_where_it_was_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cell = small("marketing", "uniform")
    first = study([cell], tmp_path, 1, seeds=3, told=False)
    monkeypatch.setattr(lives, "marked", lambda *_: pytest.fail("lived again"))
    (again,) = study([cell], tmp_path, 1, seeds=3, told=False)
    pd.testing.assert_frame_equal(first[0].answers, again.answers)
    assert again.answers["seed"].nunique() == 3


def test_in_a_risk_biased_log_naive_points_the_wrong_way_and_dr_does_not_lean() -> None:
    cell = small("marketing", "risk_biased", users=2_000)
    rows = [marked(cell, seed, full=False).answers for seed in range(1, 41)]
    lines = by_name(Found(cell, pd.concat(rows), pd.DataFrame(), pd.DataFrame(), pd.DataFrame()))
    assert lines["naive"].wrong_sign > 0.75
    assert abs(lines["naive"].mean_z) > 3.9 / 40**0.5  # beyond what luck shows once in 10,000
    assert abs(lines["dr"].mean_z) < 3.9 / 40**0.5
    assert lines["dr"].within_2se > 0.75  # a true 95 % falls below 31 of 40 less than once in 10,000


def answers(estimator: str, value: list[float], truth: list[float], stderr: float = 1.0) -> pd.DataFrame:
    rows = pd.DataFrame({"seed": range(len(value)), "target": EFFECT, "estimator": estimator, "value": value})
    rows = rows.assign(estimand="step", truth=truth, stderr=stderr, ess=200.0, evaluable=True)
    return rows.assign(lower=rows["value"] - 2 * stderr, upper=rows["value"] + 2 * stderr)


def test_a_line_is_the_one_worked_by_hand() -> None:
    rows = answers("ips", [1.0, 4.0, -2.0], [1.0, 2.0, 0.0])
    path = pd.DataFrame({"seed": [0, 1], "path": [1.5, 3.0]})
    found = Found(small("fintech", "uniform"), rows, pd.DataFrame(), path, pd.DataFrame())
    (line,) = estimator_lines(found)
    assert step_truth(found)[0] == 1.0
    assert carry_over(found)[0] == pytest.approx(0.75)
    assert (line.bias, line.rmse) == pytest.approx((0.0, (8 / 3) ** 0.5))
    assert (line.within_2se, line.coverage, line.wrong_sign) == pytest.approx((1.0, 1 / 3, 1 / 3))


def test_regret_is_what_the_chosen_target_lacks() -> None:
    worth = dict(zip(TARGETS, (1.0, 4.0, 3.0, 2.0), strict=True))
    said = dict(zip(TARGETS, (1.0, 0.0, 9.0, 2.0), strict=True))
    rows = [answers("ips", [said[t]], [worth[t]]).assign(target=t) for t in TARGETS]
    both = pd.concat([*rows, answers("ips", [1.0], [1.0])])
    (line,) = estimator_lines(Found(small("fintech", "uniform"), both, pd.DataFrame(), pd.DataFrame(), pd.DataFrame()))
    assert line.regret == pytest.approx(1.0)


def test_certificates_err_where_they_say_so() -> None:
    rows = pd.DataFrame(
        {
            "seed": [1, 2],
            "target": "everybody",
            "metric": "loss/gmv",
            "limit": 0.1,
            "answer": ["certified", "not"],
            "by_delta": [True, True],
            "truth": [0.2, 0.2],
        }
    )
    (line,) = limit_lines(Found(small("fintech", "uniform"), pd.DataFrame(), rows, pd.DataFrame(), pd.DataFrame()))
    assert not line.kept
    assert (line.certified, line.uninformative, line.by_delta) == (0.5, 0.0, 1.0)


def test_a_path_of_one_week_is_a_step() -> None:
    cell = small("marketing", "uniform", users=1_000)
    found = lived(cell, 5)
    step = found.truth["everybody"]["reward"] - found.truth["nobody"]["reward"]
    assert path_effects(cell, 5)["path"] == pytest.approx(step, rel=1e-5)


def test_the_page_shows_every_cell_and_marks_errors_by_kind(tmp_path: Path) -> None:
    cell = small("commerce_churn", "uniform")
    limits = (Limit("bonus_cost/present", 0.1, 25.0), Limit("bonus_cost/present", 20.0, 25.0))
    cell = replace(cell, world=replace(cell.world, limits=limits))
    text = page(study([cell], tmp_path, 1, seeds=2, told=False))
    assert "### commerce_churn, uniform log" in text
    assert "| `dr` |" in text
    assert "| everybody | bonus_cost/present <= 0.1 |" in text
    assert "**no**" in text
    assert "I: 0.0%" in text


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--against-truth"], "give the scenario to be lived, or --all"),
        (["--all"], "--all: belongs to --against-truth"),
        (["fintech", "--against-truth", "--metric", "x"], "--metric: cannot stand beside --against-truth, which takes"),
        (["fintec", "--against-truth"], "did you mean 'fintech'"),
        ([], "name a log, or --against-truth"),
    ],
)
def test_what_is_to_be_marked_must_be_said(capsys: pytest.CaptureFixture[str], arguments: list[str], says: str) -> None:
    assert main(["evaluate", *arguments]) == 2
    assert says in capsys.readouterr().err
