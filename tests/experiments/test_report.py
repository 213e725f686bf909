"""Figures are drawn from what the folder holds, and a table that lacks a column is named."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments import report
from experiments.config import ExperimentConfig
from experiments.newest import latest
from experiments.results import Results
from rage_env.errors import LogError

WEEKS = 4


@pytest.fixture
def results(tmp_path: Path) -> Results:
    """Two seeds of two agents, the second gaining 1 usd a week in seed 1 and 3 in seed 2."""
    fields = {
        "name": "small",
        "question": "what do figures show?",
        "scenario": "fintech",
        "weeks": WEEKS,
        "seeds": [1, 2],
        "agents": [{"kind": "no_offer", "name": "nobody"}, {"kind": "random"}],
    }
    made = Results.create(tmp_path, ExperimentConfig.model_validate_json(json.dumps(fields)))
    for agent, seed in made.runs():
        gain = (2.0 * seed - 1) if agent == "random" else 0.0
        table = pd.DataFrame({"week": np.arange(WEEKS), "value": 5 + gain, "net_revenue": 0.0, "nrpau": 0.0})
        table = table.assign(present=9, share_of_oracle=math.nan, **{"slack_true.g": gain - 2})
        made.write_run(agent, seed, {"weekly": table}, {})
    return made


def test_the_value_figure_adds_up_gains_over_doing_nothing_seed_by_seed(results: Results) -> None:
    (axes,) = report.cumulative_value(results, results.all_weekly()).axes
    (line,) = [one for one in axes.get_lines() if one.get_label() == "random"]
    np.testing.assert_allclose(np.asarray(line.get_ydata(), dtype=float), [2, 4, 6, 8])


def test_every_figure_with_data_is_written_and_none_without(results: Results) -> None:
    assert {p.stem for p in report.draw(results)} == {"cumulative_value", "slack"}
    board = pd.DataFrame({"agent": ["nobody", "random"], "value": 1.0, "net_revenue": 1.0, "gain": [math.nan, 2.0]})
    board = board.assign(gain_lower=1.0, gain_upper=3.0, nrpau=1.0, weeks_violated=[0, 2])
    results.write_table("leaderboard", board)
    looks = pd.DataFrame({"agent": "random", "seed": [1, 1, 2, 2], "monitor": "m", "week": [0, 1, 0, 1]})
    looks = looks.assign(
        estimate=1.0, lower=0.0, upper=2.0, boundary=3.0, log_e=math.nan, verdict=["continue", "lift"] * 2
    )
    betting = looks.assign(monitor="e", log_e=1.0, lower=math.nan, upper=math.nan)
    results.write_table("monitors", pd.concat([looks, betting]))
    paths = report.draw(results)
    assert {p.stem for p in paths} == {"cumulative_value", "slack", "leaderboard", "monitor_m", "monitor_e"}
    assert all(p.read_bytes().startswith(b"\x89PNG") for p in paths)


def test_a_table_without_a_column_that_a_figure_needs_is_named(results: Results) -> None:
    results.write_table("leaderboard", pd.DataFrame({"agent": ["random"], "value": [1.0]}))
    with pytest.raises(LogError, match=r"leaderboard: the table lacks the columns.*gain"):
        report.draw(results)


def test_the_newest_results_are_found_without_being_named(results: Results) -> None:
    assert latest(results.path.parent).path == results.path
    assert latest(results.path.parent, "small").path == results.path
    with pytest.raises(LogError, match=r"'other' is no results folder, and .* holds no study .*there: small"):
        latest(results.path.parent, "other")
