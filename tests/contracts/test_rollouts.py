"""Every shipped world can be rolled out from any week, and never notices it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from rage_env import configs
from rage_env.cohort import CohortEnv
from rage_env.interface import Observation, observe
from rage_env.outcomes import COLUMNS

N = 300


def as_today(seen: Observation) -> NDArray[np.float32]:
    return seen.status_quo


def started(name: str) -> tuple[CohortEnv, Observation]:
    """A cohort one week into its life."""
    env = CohortEnv(N, name, seed=3, weeks=8)
    env.reset(seed=3)
    obs, _, _, _, info = env.step(np.zeros(N, np.int64))
    return env, observe(obs, info)


@pytest.mark.parametrize("name", configs.names("scenarios"))
def test_the_week_ahead_is_what_conditional_means_say_and_later_weeks_are_finite(name: str) -> None:
    env, seen = started(name)
    probs = as_today(seen).astype(np.float64)
    probs /= probs.sum(axis=1, keepdims=True)
    ahead, means = env.truth.rollout(as_today, 3, replications=2), env.truth.mean_outcomes()
    for column in COLUMNS:
        week = (probs * means[column]).sum(axis=1).mean()
        assert ahead.runs[column][:, 0] == pytest.approx([week, week], rel=1e-9, abs=1e-12), column
        assert np.isfinite(ahead.runs[column]).all(), column
    assert (ahead.runs["active"][:, 0] > 0).all() or not means["active"].any()


@pytest.mark.parametrize("name", configs.names("scenarios"))
def test_a_shipped_world_goes_on_as_if_nobody_had_asked(name: str) -> None:
    asked, _ = started(name)
    alone, _ = started(name)
    asked.truth.rollout(as_today, 4, replications=2, drawn=True)
    for _ in range(3):
        one, other = (env.step(np.zeros(N, np.int64)) for env in (asked, alone))
        assert np.array_equal(one[0], other[0])
        assert np.array_equal(one[4]["cost"], other[4]["cost"])
        for column in COLUMNS:
            assert np.array_equal(asked.truth.ledger()[column], alone.truth.ledger()[column]), column


@pytest.mark.parametrize("name", configs.names("scenarios"))
def test_along_the_common_luck_a_shipped_world_lives_what_was_foretold(name: str) -> None:
    env, _ = started(name)
    ahead = env.truth.rollout(lambda seen: np.eye(seen.k)[np.zeros(seen.n, int)], 3, luck="common", drawn=True)
    for week in range(3):
        env.step(np.zeros(N, np.int64))
        for column, amounts in env.truth.ledger().items():
            assert ahead.runs[column][0, week] == amounts.mean(dtype=np.float64), (column, week)
