"""A snapshot by tier of risk, and the lives of single customers: who is in them, and when they are refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from experiments import cli, history
from experiments.data_files import read_description
from experiments.hidden import TRUE
from experiments.history import History, Plan
from experiments.lifecycle import lives, weeks_of
from experiments.snapshot import Mix, chosen, tables_of
from rage_env.cohort import CohortEnv, Info
from rage_env.errors import ConfigError
from rage_env.outcomes import COLUMNS
from rage_env.scenario import load

FINTECH = load("fintech")


def plan(users: int = 10, weeks: int = 26, seed: int = 5) -> Plan:
    return Plan(FINTECH, users, weeks, seed)


class Tiered(CohortEnv):
    """Sorts users into three tiers of .4, .3 and .3 by where they live."""

    def _observe(self) -> tuple[NDArray[np.float32], Info]:
        obs, info = super()._observe()
        return obs, {**info, "segment_tier": np.minimum(self.traits.region, 2), "_segment_tier": info["_unit"]}


@pytest.fixture
def tiered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "CohortEnv", Tiered)


@pytest.mark.usefixtures("tiered")
def test_a_snapshot_holds_as_many_customers_of_each_tier_as_were_asked_for(tmp_path: Path) -> None:
    out = tmp_path / "customers.json"
    shares = ["--low", ".6", "--medium", ".3", "--high", ".1"]
    assert cli.main(["simulate", "fintech", "--count", "100", *shares, "--out", str(out)]) == 0
    customers = json.loads(out.read_text())
    tiers = [c["tier"] for c in customers]
    assert [tiers.count(t) for t in ("low", "medium", "high")] == [60, 30, 10]
    assert len({c["user_id"] for c in customers}) == 100
    assert not [name for name in customers[0] if name.startswith(TRUE)]
    assert read_description(out)["scenario"] == "fintech"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["customers.json", "customers.schema.json"]


@pytest.mark.usefixtures("tiered")
def test_people_in_a_snapshot_do_not_depend_on_how_many_were_drawn_to_find_them() -> None:
    def ids(mix: Mix, tier: str) -> list[int]:
        table, _ = tables_of(*chosen(plan(), mix))
        frame = table.to_pandas()
        return [int(u) for u in frame.loc[frame["tier"] == tier, "user_id"]]

    easy, hard = Mix(100, 0.4, 0.3, 0.3), Mix(100, 0.0, 0.0, 1.0)  # the second must draw more people than the first
    assert ids(hard, "high")[:30] == ids(easy, "high")


@pytest.mark.usefixtures("tiered")
def test_the_truth_of_a_snapshot_stands_in_a_file_of_its_own(tmp_path: Path) -> None:
    out = tmp_path / "c.csv"
    shares = ["--low", ".5", "--medium", ".5", "--high", "0"]
    assert cli.main(["simulate", "fintech", "--count", "20", *shares, "--truth", "--out", str(out)]) == 0
    customers, truth = pd.read_csv(out), pd.read_csv(tmp_path / "c.truth.csv")
    assert list(customers["user_id"]) == list(truth["user_id"])
    assert {"true_archetype", "true_shock"} <= set(truth.columns)
    assert set(customers.columns) & set(truth.columns) == {"user_id"}


def test_shares_are_rounded_to_whole_customers_that_sum_to_the_count() -> None:
    assert Mix(10, 0.6, 0.3, 0.1).wanted.tolist() == [6, 3, 1]
    assert Mix(7, 1 / 3, 1 / 3, 1 / 3).wanted.sum() == 7
    assert Mix(1, 0.2, 0.3, 0.5).wanted.tolist() == [0, 0, 1]
    assert Mix(1000, 0.6, 0.3, 0.1).wanted.tolist() == [600, 300, 100]


@pytest.mark.usefixtures("tiered")
def test_a_tier_that_stays_too_small_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tiered, "_observe", _nobody_at_high_risk)
    with pytest.raises(ConfigError, match=r"--high: 5 customers of this tier are asked for, and among \d+ users"):
        chosen(plan(), Mix(10, 0.5, 0.0, 0.5))


def _nobody_at_high_risk(self: Tiered) -> tuple[NDArray[np.float32], Info]:
    obs, info = CohortEnv._observe(self)
    return obs, {**info, "segment_tier": self.traits.region * 0, "_segment_tier": info["_unit"]}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--count", "9", "--low", ".6", "--medium", ".3", "--high", ".1"], "fintech: sorts its users into no tiers"),
        (["--count", "9", "--low", ".6", "--medium", ".3", "--high", ".3"], "sum to 1; these sum to 1.2"),
        (["--count", "9", "--low", ".6"], "--medium, --high: missing"),
        (["--low", ".6"], "--low: says nothing without --count"),
        (["--days", "9"], "--days: says nothing without --lifecycle"),
        (["--lifecycle", "--users", "9"], "--users: does not go with --lifecycle"),
        (["--count", "9", "--weeks", "9"], "--weeks: does not go with --count"),
        (["--lifecycle", "--format", "csv"], "--format: csv does not go with --out"),
        (["--potential"], "--potential: belongs to the truth"),
        (["--lifecycle", "--days", "0"], "--days"),
        (["--policy", "blanket", "--param", "arm=nugde"], "did you mean 'nudge'?"),
        (["--policy", "blanket", "--param", "arm"], "--param: 'arm'"),
        (["arms.9.channel=x"], "arms"),
    ],
)
def test_options_that_do_not_fit_leave_with_two_say_why_and_write_nothing(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["simulate", "fintech", "--out", str(tmp_path / "c.json"), *arguments]) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""
    assert list(tmp_path.iterdir()) == []


def test_one_file_must_say_its_format(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["simulate", "fintech", "--lifecycle", "--out", str(tmp_path / "lives")]) == 2
    assert "let its name end in one of .parquet, .csv, .json" in capsys.readouterr().err


def test_days_are_lived_as_the_weeks_they_touch() -> None:
    assert [weeks_of(days) for days in (1, 7, 8, 180)] == [1, 1, 2, 26]
    with pytest.raises(ConfigError, match="at least one day"):
        weeks_of(0)


def test_a_life_runs_from_joining_to_leaving_and_stands_in_one_piece(tmp_path: Path) -> None:
    out = tmp_path / "lives.json"
    arguments = ["--lifecycle", "--customers", "30", "--days", "180", "--truth", "--out", str(out)]
    assert cli.main(["simulate", "fintech", *arguments]) == 0
    rows = pd.DataFrame(json.loads(out.read_text()))
    truth = pd.DataFrame(json.loads((tmp_path / "lives.truth.json").read_text()))
    assert (rows["day"] == 7 * rows["week"]).all()
    assert list(rows["user_id"]) == sorted(rows["user_id"])
    assert (truth[["user_id", "week"]] == rows[["user_id", "week"]]).all(axis=None)
    assert set(COLUMNS) <= set(rows.columns)
    for _, life in rows.groupby("user_id"):
        assert list(life["week"]) == list(range(len(life)))
        assert life["x_log_age"].iloc[0] == 0  # newborn
        assert (len(life) == 26) or life["churned"].iloc[-1] == 1
        assert (life["churned"].iloc[:-1] == 0).all()
    assert rows.groupby("user_id").size().min() < 26  # some have left


def test_customers_followed_alone_live_the_same_lives_among_more() -> None:
    few, many = (lives(History(Plan(FINTECH, users, 12, 5, newborn=True)))[0].to_pandas() for users in (5, 50))
    columns = [c for c in few.columns if not c.startswith("prob_")]
    pd.testing.assert_frame_equal(few[columns], many.loc[many["user_id"] < 5, columns].reset_index(drop=True))
