"""A study of seats in accounts: people alone are counted, an account gets one arm, careless agents anger admins."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest

from experiments import run
from experiments.results import Results
from experiments.study import StudyResult
from rage_env.cohort import CohortEnv
from rage_env.log import CohortLog

SLOTS, WEEKS, SEEDS = 768, 3, (11, 12)
AGENTS = ("no_offer", "random", "constrained_thompson", "oracle_latent", "oracle_observable")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> StudyResult:
    return run(
        "quickstart",
        out=tmp_path_factory.mktemp("b2b"),
        track=False,
        progress=False,
        name="seats",
        scenario="b2b_nudge",
        users=SLOTS,
        weeks=WEEKS,
        seeds=list(SEEDS),
        workers=1,
        agents=[{"kind": kind} for kind in AGENTS],
        oracle={"every_weeks": 2, "users_fit": 4_000},
        monitors=[{"kind": "naive_z", "metric": "value"}],
        keep_logs=True,
    )


@cache
def seats(seed: int) -> int:
    env = CohortEnv(SLOTS, "b2b_nudge", seed=seed)
    env.reset()
    return int(env.lives.alive.sum())


@pytest.mark.parametrize("agent", AGENTS)
def test_an_account_gets_one_arm_and_no_row_stands_for_an_empty_slot(study: StudyResult, agent: str) -> None:
    results = Results.open(study.path)
    for seed in SEEDS:
        log = CohortLog.read(results.run_folder(agent, seed) / "log")
        assert seats(seed) < SLOTS
        for week in log.weeks:
            assert week.n == seats(seed)
            here = week.present
            arms = pd.DataFrame({"unit": week.unit[here], "arm": week.arm[here], "p": week.propensity[here]})
            assert (arms.groupby("unit").nunique() == 1).all(axis=None)
            assert arms.groupby("unit").ngroups < week.n / 3
        assert log.weeks[0].present.all()


def test_values_are_means_over_seats_and_not_over_slots(study: StudyResult) -> None:
    results = Results.open(study.path)
    for agent, seed in results.runs():
        summary = results.summary(agent, seed)
        users = results.run_table(agent, seed, "users")
        assert summary["users"] == len(users) == seats(seed)
        assert summary["value"] == pytest.approx(users["value"].mean() / WEEKS)


def test_careless_nudging_angers_admins_and_the_oracles_keep_every_limit(study: StudyResult) -> None:
    board = study.leaderboard.set_index("agent")
    assert board.loc["random", "violated.reactions_by_role"] == WEEKS * len(SEEDS)
    assert (board.loc[["no_offer", "oracle_latent", "oracle_observable"], "weeks_violated"] == 0).all()
    assert board.loc["oracle_latent", "gain"] > 0 > board.loc["random", "gain"]
    assert np.isfinite(board["value"]).all()
