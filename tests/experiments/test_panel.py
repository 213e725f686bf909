"""A simulated bank's behavioural table comes with its label and its units, and only from a world that shows signals."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from experiments.behaviour_table import LABEL, feature_catalogue
from experiments.data_files import read_description
from experiments.history import Plan
from experiments.simulate import simulate
from rage_env.errors import ConfigError, LogError
from rage_env.scenario import load


def bank(weeks: int = 4, scenario: str = "pre_delinquency") -> Plan:
    return Plan(load(scenario), 600, weeks, 42)


def test_the_table_holds_the_label_that_the_weeks_then_bring(tmp_path: Path) -> None:
    simulate(bank(), tmp_path, behaviour=True)
    table = pd.read_parquet(tmp_path / "behaviour.parquet")
    assert len(set(feature_catalogue()["name"]) & set(table.columns)) == 104
    weeks = pd.read_parquet(tmp_path / "behavior_weekly.parquet")
    late = weeks.groupby("user_id")["late"].max() > 0
    assert (table.set_index("user_id")[LABEL] == late.reindex(table["user_id"]).to_numpy()).all()
    assert 0.2 < table.loc[table["at_risk"], LABEL].mean() < 0.5
    said = {c["name"]: c["unit"] for c in read_description(tmp_path / "behaviour.parquet")["columns"]}  # type: ignore[attr-defined]  # a list
    assert said["atm_4w_usd"] == "usd"


def test_nothing_of_the_table_changes_what_else_is_written(tmp_path: Path) -> None:
    for name, behaviour in (("with", True), ("without", False)):
        simulate(bank(), tmp_path / name, behaviour=behaviour)
    for table in ("users", "behavior_weekly", "reports"):
        one, other = ((tmp_path / name / f"{table}.parquet").read_bytes() for name in ("with", "without"))
        assert one == other, table


def test_a_world_or_a_span_that_cannot_give_it_is_refused_before_anything_is_lived(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="this world shows no salary_usd"):
        simulate(bank(scenario="fintech"), tmp_path / "a", behaviour=True)
    with pytest.raises(ConfigError, match="--behaviour: the label looks 4 weeks ahead, and --weeks is 3"):
        simulate(bank(weeks=3), tmp_path / "b", behaviour=True)
    assert not any(tmp_path.iterdir())
