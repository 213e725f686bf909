"""From a log on disk to a scenario on disk: what is written can be lived in, and says where its numbers come from."""

from __future__ import annotations

import datetime
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from experiments.calibration.report import Calibration, MomentRow, ParameterRow
from experiments.calibration.scenario_file import write_scenario
from experiments.calibration.simulate import changed_world
from experiments.calibration.target import Design, Target
from experiments.calibration.untold import Untold
from experiments.cli import main
from experiments.facts.panel import Panel, live
from rage_env import check_world, scenario
from rage_env.cohort import CohortEnv

TRUTH = {
    "mechanisms.engagement.beta_a": 0.7,
    "mechanisms.spending.gmv_per_active_week_usd": 60.0,
    "mechanisms.spending.within_sd": 1.1,
    "mechanisms.spending.ticket_usd": 15.0,
    "population.churn.alpha": 0.4,
}


def log_of(panel: Panel) -> pd.DataFrame:
    """A row for every week that somebody was a customer, under names that need no mapping."""
    week, user = np.nonzero(panel.present)
    columns = {"spend": panel.gmv, "orders": panel.column("transactions")}
    rows = {name: held[week, user] for name, held in columns.items()}
    return pd.DataFrame({"user": user, "week": week, **rows})


@pytest.fixture(scope="module")
def answer(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:  # Any: JSON
    folder = tmp_path_factory.mktemp("calibrate")
    world = changed_world(scenario.load("fintech"), {**TRUTH, "weeks": 26})
    env = CohortEnv(600, world, newborn=True)
    env.reset(seed=77)
    log_of(live(env, 26, ("transactions",))).to_csv(folder / "log.csv", index=False)
    out = folder / "my_shop.yaml"
    with pytest.MonkeyPatch.context() as patch:
        printed: list[str] = []
        patch.setattr("builtins.print", lambda text, **options: printed.append(text))
        done = main(["calibrate", str(folder / "log.csv"), "--newborn", "--draws", "120", "--out", str(out), "--json"])
    assert done == 0
    return json.loads(printed[0]), out


def test_numbers_that_made_the_log_are_found_and_fintech_s_own_are_not(answer: tuple[dict[str, Any], Path]) -> None:
    found = {row["parameter"]: row for row in answer[0]["parameters"]}
    for path, truth in TRUTH.items():
        assert abs(found[path]["mean"] - truth) < 4.5 * found[path]["sd"], path
    for path in ("mechanisms.spending.within_sd", "mechanisms.spending.ticket_usd"):
        assert not found[path]["low"] <= found[path]["scenario"] <= found[path]["high"], path


def test_moments_of_a_log_that_the_world_can_make_lie_in_what_the_fit_predicts(
    answer: tuple[dict[str, Any], Path],
) -> None:
    rows = answer[0]["moments"]
    fitted = [row["inside"] for row in rows if row["fitted"]]
    assert len(fitted) >= 14
    assert np.mean(fitted) >= 0.85
    assert all(row["low"] < row["high"] for row in rows)


def test_what_the_log_cannot_tell_is_said_both_by_nature_and_as_measured(answer: tuple[dict[str, Any], Path]) -> None:
    untold = {row["what"]: row for row in answer[0]["untold"]}
    for part in ("population.archetype", "arms", "population.fraud_mix", "population.churn.oldest_age_weeks"):
        assert not untold[part]["measured"]
        assert untold[part]["would_tell"]
    wide = {row["parameter"] for row in answer[0]["parameters"] if not row["told"]}
    edge = {row["parameter"] for row in answer[0]["parameters"] if row["at_edge"]}
    assert wide | edge == {what for what, row in untold.items() if row["measured"]}
    assert "mechanisms.engagement.ar" in wide
    assert "mechanisms.spending.within_sd" not in wide


def test_the_written_scenario_is_whole_sourced_and_can_be_lived_in(answer: tuple[dict[str, Any], Path]) -> None:
    said, out = answer
    world = scenario.load(out)
    assert world.name == "my_shop"
    for row in said["parameters"]:
        source = world.sources[row["parameter"]]
        assert f"calibrated from log.csv, {datetime.date.today().year}" in source
        assert "posterior sd" in source
        assert ("hardly told" in source) != row["told"]
    assert not world.unsourced()
    assert check_world(CohortEnv(500, world), users=500, weeks=8)


def by_hand(value: float) -> Calibration:
    row = ParameterRow(
        "mechanisms.spending.gmv_per_active_week_usd", 300.0, 1.0, value, 1.0, 1.0, 1.0, 0.1, True, False
    )
    target = Target("my log", "by hand", Design(100, 20), {})
    return Calibration(target, "fintech", 100, 0, (row,), (), ())


def test_bounds_on_losses_move_with_the_spend_that_they_bound(tmp_path: Path) -> None:
    base = scenario.load("fintech")
    world = write_scenario(by_hand(900.0), base, tmp_path / "rich.yaml", datetime.date(2026, 1, 2))
    assert check_world(CohortEnv(500, world), users=500, weeks=8)
    assert world.arms[5].mean_loss_bound_usd > 2 * base.arms[5].mean_loss_bound_usd
    source = world.sources["mechanisms.spending.gmv_per_active_week_usd"]
    assert source == "calibrated from my log, 2026-01-02, posterior sd 1"


def test_a_file_name_that_is_no_scenario_s_name_is_made_one(tmp_path: Path) -> None:
    base = scenario.load("fintech")
    today = datetime.date(2026, 1, 2)
    assert write_scenario(by_hand(300.0), base, tmp_path / "My Shop-2.yaml", today).name == "my_shop_2"
    assert write_scenario(by_hand(300.0), base, tmp_path / "7.yaml", today).name == "fintech_calibrated"


def test_tables_for_people_show_every_row_and_note(capsys: pytest.CaptureFixture[str]) -> None:
    from experiments.calibration.command import show_tables

    found = by_hand(300.0)
    told = replace(
        found,
        target=replace(found.target, notes=("9 users joined later",)),
        moments=(MomentRow("gini", False, 0.5, 0.4, 0.6, True),),
        untold=(Untold("arms", "why", "what"),),
    )
    show_tables(told)
    text = capsys.readouterr().out
    for word in ("9 users joined later", "gmv_per_active_week_usd", "gini", "arms"):
        assert word in text


@pytest.mark.slow
def test_contacts_at_random_do_not_lead_the_fit_astray(tmp_path: Path) -> None:
    env = CohortEnv(1_000, weeks=30)
    env.reset(seed=5)
    panel = live(env, 30, ("transactions", "contacts"), arm=3, share=0.3)
    week, user = np.nonzero(panel.present)
    log = log_of(panel).assign(contacts=panel.column("contacts")[week, user])
    log.to_parquet(tmp_path / "log.parquet")
    assert main(["calibrate", str(tmp_path), "--draws", "400", "--out", str(tmp_path / "out.yaml")]) == 0
    world = scenario.load(tmp_path / "out.yaml")
    assert world.mechanisms.model_dump()["engagement"]["beta_a"] == pytest.approx(1.1, rel=0.35)
