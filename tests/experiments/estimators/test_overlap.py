"""Where a log supports a target is told segment by segment."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments import estimators
from experiments.cli import main
from rage_env.errors import LogError


def log(users: int = 4_000) -> tuple[pd.DataFrame, np.ndarray]:
    """In the north arms are drawn evenly; in the south arm 2 never is; in the west it is, but hardly ever."""
    rng = np.random.default_rng(0)
    place = rng.integers(0, 3, users)
    probs = np.array([[1 / 3, 1 / 3, 1 / 3], [0.5, 0.5, 0.0], [0.5, 0.495, 0.005]])[place]
    arm = (rng.random((users, 1)) > probs.cumsum(axis=1)).sum(axis=1).clip(max=2)
    frame = pd.DataFrame({"user_id": np.arange(users), "week": 0, "arm": arm})
    frame = frame.assign(propensity=probs[np.arange(users), arm], reward=rng.normal(size=users))
    frame["place"] = np.array(["north", "south", "west"])[place]
    return frame.assign(x_age=rng.normal(size=users), **{f"prob_{a}": probs[:, a] for a in range(3)}), place


def test_support_by_hand() -> None:
    rows = pd.DataFrame({"user_id": [1, 1, 2], "week": [0, 1, 0], "arm": [0, 1, 1], "propensity": [0.5, 0.005, 0.5]})
    rows = rows.assign(reward=0.0, prob_0=[0.5, 0.995, 0.5], prob_1=[0.5, 0.005, 0.5])
    line = estimators.overlap(rows, np.array([[0.5, 0.5], [0.9, 0.1], [1.0, 0.0]])).iloc[0]
    assert line["max_weight"] == 20.0
    assert line["ess"] == pytest.approx(1.0)  # weights 21 and 0
    assert line["mean_weight"] == pytest.approx(7.0)
    assert line["tiny_mass"] == pytest.approx(0.1 / 3)
    assert line["untried_mass"] == 0.0
    bare = estimators.overlap(rows.drop(columns=["prob_0", "prob_1"]), np.array([[0.5, 0.5], [0.9, 0.1], [1.0, 0.0]]))
    assert bare.loc[0, "tiny_mass"] == pytest.approx(20 / 3)  # estimated from the one row that was drawn
    assert np.isnan(bare.loc[0, "untried_mass"])


def test_segments_that_the_log_never_tried_are_named_and_the_others_are_not_accused() -> None:
    frame, place = log()
    found = estimators.overlap(frame, np.tile([0.2, 0.2, 0.6], (len(frame), 1)), "place").set_index("segment")
    assert found.index.tolist() == ["all", "place = north", "place = south", "place = west"]
    north, south, west = (found.loc[f"place = {p}"] for p in ("north", "south", "west"))
    assert north["evaluable"]
    assert north["tiny_mass"] == 0
    assert not south["evaluable"]
    assert "never tried: 60.0% of the target" in south["reason"]
    assert "weights off" in south["reason"]
    assert south["untried_mass"] == pytest.approx(0.6)
    assert not west["evaluable"]
    assert west["tiny_mass"] == pytest.approx(0.6)
    assert west["max_weight"] == pytest.approx(0.6 / 0.005)
    assert found.loc["all", "rows"] == len(frame) == found["rows"].iloc[1:].sum()
    np.testing.assert_array_equal(found["rows"].iloc[1:], np.bincount(place))


def test_numbers_are_cut_into_quarters_and_names_of_too_many_kinds_refused() -> None:
    frame, _ = log()
    target = np.tile([0.5, 0.5, 0.0], (len(frame), 1))
    found = estimators.overlap(frame, target, "x_age")
    assert found["rows"].iloc[1:].tolist() == [1_000] * 4
    with pytest.raises(LogError, match="column name has 4000 values, at most 50 are segments"):
        estimators.overlap(frame.assign(name=[f"n{i}" for i in range(len(frame))]), target, "name")
    with pytest.raises(LogError, match="no column 'plce': did you mean 'place'"):
        estimators.overlap(frame, target, "plce")
    hidden = frame.drop(columns=[f"prob_{a}" for a in range(3)]).assign(propensity=np.nan)
    with pytest.raises(LogError, match="withholds its propensities"):
        estimators.overlap(hidden, target)


def test_departed_users_are_left_out() -> None:
    frame, _ = log()
    gone = np.arange(len(frame)) < 1_000
    frame.loc[gone, ["arm", "propensity", "prob_0", "prob_1", "prob_2"]] = [0, 1.0, 1.0, 0.0, 0.0]
    found = estimators.overlap(frame.assign(present=~gone), np.tile([0.5, 0.5, 0.0], (len(frame), 1)))
    assert found.loc[0, "rows"] == 3_000
    assert found.loc[0, "evaluable"]


def test_the_command_shows_it_for_every_plain_policy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame, _ = log()
    frame.to_csv(tmp_path / "shop.csv", index=False)
    (tmp_path / "shop.yaml").write_text(
        "name: shop\nsource: invented\nfile: shop.csv\nunit: user_id\narm_column: arm\n"
        "arms: [{name: a, value: 0}, {name: b, value: 1}, {name: c, value: 2}]\npropensity_column: propensity\n"
        "outcomes: [{name: sales, unit: usd, column: reward}]\ncovariates: {categorical: [place], numeric: [x_age]}\n"
    )
    assert main(["evaluate", str(tmp_path / "shop.yaml"), "--overlap", "x_place=south", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["overlap"]
    cell = {(r["policy"], r["segment"]): r for r in rows}
    assert cell["c for all", "x_place=south = 1.0"]["mean_weight"] == 0
    assert not cell["c for all", "x_place=south = 1.0"]["evaluable"]
    assert cell["b for all", "x_place=south = 1.0"]["evaluable"]
