"""Agents that have read an earlier campaign earn the published returns; what measures them can fail."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from experiments import decisions
from experiments.decisions.marketing import CLAIMS, measure, treated_less_control
from experiments.showcase import Row
from rage_env.log import WeekLog
from rage_env.outcomes import IMMEDIATE


@cache
def few() -> dict[str, float]:
    return measure(1001, users=12_000)


def test_uplift_earns_more_than_propensity_and_that_more_than_chance() -> None:
    """By the same luck without contacts, so 1,600 contacts tell a factor of 1.3; a scrambled score earns chance."""
    told = few()
    assert told["uplift_greedy_paired"] > 1.3 * told["propensity_greedy_paired"] > 1.3 * told["random_paired"] > 0
    assert told["spent"] == 1.0
    assert told["truth_over_learned"] > 1


def test_random_is_worth_what_a_trial_says_of_everybody_and_uplift_more() -> None:
    told = few()
    assert told["random"] == pytest.approx(told["random_paired"], abs=0.6)
    assert told["uplift_greedy"] > told["random"]


def _week(arm: list[int], probs: list[float], gmv: list[float]) -> WeekLog:
    n, p = len(arm), np.array(probs, np.float32)
    drawn = np.where(np.array(arm) == 1, p, 1 - p)
    return WeekLog(
        week=0,
        user_id=np.arange(n),
        unit=np.arange(n),
        present=np.ones(n, np.bool_),
        arm=np.array(arm, np.int64),
        propensity=drawn,
        features=np.zeros((n, 1), np.float32),
        columns={**{c: np.zeros(n, np.float32) for c in IMMEDIATE}, "gmv": np.array(gmv, np.float32)},
        probs=np.stack([1 - p, p], axis=1),
    )


def test_treated_less_control_is_weighed_by_who_would_be_contacted() -> None:
    trial = _week([1, 1, 0, 0, 1, 0], [0.5] * 6, [30, 10, 20, 4, 100, 50])
    choice = _week([1, 0, 1, 0, 0, 0], [1.0, 0.5, 1.0, 0.25, 0.0, 0.0], [0] * 6)
    assert treated_less_control(trial, choice) == pytest.approx((30 + 5) / 1.5 - (20 + 1) / 1.25)


def test_a_return_of_one_for_all_would_fail_every_claim() -> None:
    assert all(Row(CLAIMS[name], (1.0,)).holds is False for name in ("random", "propensity_greedy", "uplift_greedy"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["marketing"])
def test_every_claim_holds_at_full_size_over_three_fresh_seeds(name: str) -> None:
    assert not [row.claim.text for row in decisions.rows(name, (1001, 1002, 1003)) if row.holds is False]
