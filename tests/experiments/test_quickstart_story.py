"""What the quickstart is for, at a size a test can afford: care beats doing nothing and keeps limits."""

from __future__ import annotations

import pandas as pd
import pytest

import experiments
from experiments.config import load
from experiments.results import Results

CAREFUL = ["lagrangian_linucb", "constrained_thompson", "uplift_greedy"]
CARELESS = ["random", "blanket_credit_line"]
SMALLER = {
    "users": 10_000,  # of 3,000 one large loss decides how wide an interval is
    "weeks": 16,
    "seeds": [101, 102],
    "oracle": {"every_weeks": 8, "users_fit": 20_000},
    "workers": 1,
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    config = load("quickstart", [SMALLER])
    done = experiments.run(config, out=tmp_path_factory.mktemp("story"), track=False, progress=False)
    return Results.open(done.path)


@pytest.fixture(scope="module")
def board(results: Results) -> pd.DataFrame:
    return results.table("leaderboard").set_index("agent")


def test_careful_agents_earn_more_than_doing_nothing(board: pd.DataFrame) -> None:
    assert (board.loc[CAREFUL, "gain_lower"] > 0).all()
    assert board.loc["no_offer", "gain"] == 0


def test_careful_agents_keep_true_limits_far_more_often_than_careless_ones(board: pd.DataFrame) -> None:
    broken = board["weeks_violated"] / board["weeks"]
    assert broken[CAREFUL].mean() < 0.25 * broken[CARELESS].mean()
    assert (broken[CARELESS] > 0.9).all()
    assert broken["no_offer"] == 0


def test_the_safe_learner_breaks_no_limit_at_all_and_does_not_pay_for_it(board: pd.DataFrame) -> None:
    assert board.loc["safe_exploration", "weeks_violated"] == 0
    assert board.loc["safe_exploration", "gain"] > 0
