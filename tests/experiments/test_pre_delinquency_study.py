"""The bank's world runs as a study, end to end, with its cool-down, hard capacity and bound between two groups."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from experiments import config, run

STUDY = {
    "name": "bank_small",
    "scenario": "pre_delinquency",
    "users": 600,
    "weeks": 4,
    "seeds": [11, 12],
    "agents": [{"kind": k} for k in ("no_offer", "random", "lagrangian_linucb", "oracle_latent", "oracle_observable")],
    "monitors": [],
    "oracle": {"every_weeks": 4, "users_fit": 3000},
    "workers": 1,
}


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    out: Path = tmp_path_factory.mktemp("results")
    return run(config.load("quickstart", [STUDY]), out=out, track=False, progress=False).leaderboard.set_index("agent")


def test_the_best_within_the_limits_keeps_every_limit_and_chance_does_not(board: pd.DataFrame) -> None:
    assert board.loc["oracle_latent", "weeks_violated"] == 0
    assert board.loc["oracle_observable", "weeks_violated"] == 0
    assert board.loc["no_offer", "weeks_violated"] == 0
    assert board.loc["random", "weeks_violated"] > 0


def test_the_gap_between_the_groups_is_judged_in_the_unit_of_a_contact_rate(board: pd.DataFrame) -> None:
    assert board.loc["no_offer", "slack_true_min.contact_fairness"] == pytest.approx(0.005)
    assert 0 <= board.loc["oracle_latent", "slack_true_min.contact_fairness"] + 1e-6 < 0.005
    assert board.loc["oracle_latent", "violated.contact_fairness"] == 0


def test_calling_borrowers_at_random_costs_more_than_it_saves(board: pd.DataFrame) -> None:
    assert board.loc["random", "value"] < board.loc["no_offer", "value"]
