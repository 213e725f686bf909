"""Agents are ranked at one week, and those that only seem better are not named."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from experiments.ab.ranked import ranked
from experiments.ab.trial import run_groups
from experiments.config import ExperimentConfig, MonitorEntry
from experiments.monitors import MonitorState, monitor
from experiments.watch import KpiWatch

Ab = Callable[..., ExperimentConfig]


def watch(paths: list[tuple[int, float, float]], label: str = "m") -> KpiWatch:
    """paths: (week, estimate, log e-value) by look."""
    made = KpiWatch(MonitorEntry(kind="naive_z", name=label), monitor("naive_z"))
    made.states = [
        MonitorState(estimate, 0, 0, 0, 1, "continue", "asymptotic", "H0", week=week, log_e=log_e)
        for week, estimate, log_e in paths
    ]
    return made


def test_agents_are_compared_at_the_last_week_that_all_of_them_were_looked_at() -> None:
    strong, weak = math.log(60), math.log(19)
    table = ranked(
        {
            "late": [watch([(3, 0.1, 0.0), (4, 0.9, 9.0)])],  # its evidence of week 4 comes too late
            "good": [watch([(3, 0.5, strong)])],
            "weak": [watch([(3, 0.7, weak)])],
            "bad": [watch([(2, -0.5, 9.0), (3, -0.5, 9.0)])],
        },
        0.05,
    ).set_index("agent")
    assert set(table["ranked_week"]) == {3}
    assert table["place"].to_dict() == {"weak": 1, "good": 2, "late": 3, "bad": 4}
    assert table["named_better"].to_dict() == {"weak": 0, "good": 0, "late": 0, "bad": 0}  # four agents need e > 80
    alone = ranked({"good": [watch([(3, 0.5, strong)])], "weak": [watch([(3, 0.7, weak)])]}, 0.05).set_index("agent")
    assert alone["named_better"].to_dict() == {"weak": 0, "good": 1}


def test_without_e_values_or_rivals_there_is_nothing_to_rank() -> None:
    assert ranked({"a": [watch([(3, 0.5, math.nan)])], "b": [watch([(3, 0.5, 1.0)])]}, 0.05).empty
    assert ranked({"a": [watch([(3, 0.5, 1.0)])]}, 0.05).empty


@pytest.fixture(scope="module")
def places(ab: Ab) -> dict[str, float]:
    entry = {"kind": "independent_cs", "name": "kpi", "adjust": True, "users_per_skew2": 0.0}
    agents = [{"kind": "blanket", "name": "wasteful", "arm": "bonus_20"}, {"kind": "no_offer", "name": "nothing"}]
    study = ab(monitors=[entry], agents=agents, users=3000, weeks=7)
    return {g.name: float(g.verdicts.set_index("monitor").loc["kpi", "place"]) for g in run_groups(study, 1)[1:]}


def test_a_study_ranks_its_agents(places: dict[str, float]) -> None:
    assert places == {"nothing": 1, "wasteful": 2}
