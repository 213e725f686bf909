"""Every scenario can be had as tables, as single lives and as a stream."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from experiments.data_files import read_description
from experiments.hidden import TRUE
from experiments.history import History, Plan
from experiments.lifecycle import lives
from experiments.simulate import simulate
from experiments.stream import records
from rage_env import configs
from rage_env.scenario import load


@pytest.fixture(params=configs.names("scenarios"))
def plan(request: pytest.FixtureRequest) -> Plan:
    return Plan(load(request.param), users=60, weeks=3, seed=4)


def test_its_tables_fit_together_and_keep_what_is_latent_apart(plan: Plan, tmp_path: Path) -> None:
    files = simulate(plan, tmp_path / "d", depth="potential")
    tables = {f.file.removesuffix(".parquet"): pd.read_parquet(tmp_path / "d" / f.file) for f in files}
    assert set(tables) == {"users", "behavior_weekly", "reports", "truth", "truth_weekly"}
    users, weekly, truth = tables["users"], tables["behavior_weekly"], tables["truth_weekly"]
    assert set(weekly["user_id"]) == set(users["user_id"]) == set(tables["truth"]["user_id"])
    assert weekly.groupby("user_id")["present"].any().all()  # an empty slot is nobody
    assert users["user_id"].is_unique
    assert (weekly[["user_id", "week"]] == truth[["user_id", "week"]]).all(axis=None)
    for name, table in tables.items():
        said = read_description(tmp_path / "d" / f"{name}.parquet")
        assert said["scenario"] == plan.world.name
        latent = [c for c in table.columns if c.startswith(TRUE)]
        assert bool(latent) == name.startswith("truth")


def test_its_customers_can_be_followed_one_by_one(plan: Plan) -> None:
    rows, _ = lives(History(Plan(plan.world, 5, 6, 4, newborn=True)))
    for _, life in rows.to_pandas().groupby("user_id"):
        assert list(life["week"]) == list(range(len(life)))


def test_its_stream_is_the_same_for_the_same_seed(plan: Plan) -> None:
    first, again = (list(records(History(Plan(plan.world, 30, 3, 4, population="open")))) for _ in range(2))
    assert first == again
    assert {r["event_time"]["week"] for r in first} == {0, 1, 2}  # type: ignore[index]  # JSON
