"""Missed payments: when they can happen, what makes them likelier, what they cost; and means that are their means."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from rage_env.cohort import CohortEnv
from rage_env.invariants.truth import redraws, sample
from rage_env.mechanisms import delinquency
from rage_env.outcomes import COLUMNS

REDRAWS = 10_000
SE = 4.8  # 4 standard errors in each of 19 columns x 4 arms, Bonferroni


@cache
def started() -> tuple[CohortEnv, NDArray[np.intp]]:
    """A cohort after five weeks of mixed arms, as far as cool-down lets them be given, and 400 of its users."""
    env = CohortEnv(6_000, "pre_delinquency", weeks=10)
    _, info = env.reset(seed=5)
    rng = np.random.default_rng(1)
    for _ in range(5):
        asked = rng.integers(0, 4, env.num_envs) * (rng.random(env.num_envs) < 0.3)
        _, _, _, _, info = env.step(asked * (info["action_mask"][:, 1] == 1))
    return env, sample(env.traits, env.lives)


@cache
def drawn(arm: int) -> dict[str, NDArray[np.float64]]:
    env, rows = started()
    return redraws(env, env.traits.rows(rows), env.lives.rows(rows), arm, REDRAWS)


def worst(means: Mapping[str, NDArray[np.float64]], arm: int) -> dict[str, float]:
    """{column: |z|} of a mean over 400 users against 10,000 redraws from the same state."""
    _, rows = started()
    out = {}
    for column in COLUMNS:
        told, sums = float(means[column][rows, arm].sum()), drawn(arm)[column]
        error = float(sums.std(ddof=1)) / np.sqrt(REDRAWS)
        out[column] = abs(float(sums.mean()) - told) / max(error, 1e-5 * abs(told), 1e-12)
    return out


@pytest.mark.parametrize("arm", range(4))
def test_means_are_the_means_of_ten_thousand_redraws(arm: int) -> None:
    z = worst(started()[0].truth.mean_outcomes(), arm)
    assert max(z.values()) < SE, z


@pytest.mark.parametrize(("column", "factor"), [("late", 1.02), ("defaulted", 1.3), ("loss_credit", 1.4)])
def test_means_off_by_little_would_be_seen(column: str, factor: float) -> None:
    means = started()[0].truth.mean_outcomes()
    assert worst({**means, column: means[column] * factor}, 0)[column] > SE


def test_a_payment_is_missed_only_in_the_week_it_is_due_and_by_who_still_pays() -> None:
    env, _ = started()
    more, means = env.lives.more, env.truth.mean_outcomes()
    due = (more["due_in_weeks"] == 0) & ~more["in_default"] & env.lives.alive & (env.lives.age >= 0)
    assert ((means["late"] > 0).all(axis=1) == due).all()
    assert 0.2 < due.mean() < 0.3


def test_the_whole_debt_is_lost_and_nothing_is_lost_without_a_default() -> None:
    env, _ = started()
    outcomes, debt = env.truth.potential_outcomes(), env.traits.more["debt_usd"]
    assert (outcomes["loss_credit"] == outcomes["defaulted"] * debt[:, None]).all()
    assert (outcomes["defaulted"] <= outcomes["late"]).all()
    assert debt.min() >= 5_000
    assert debt.max() <= 50_000


def test_months_late_add_up_while_payments_are_missed_and_a_payment_clears_them() -> None:
    env = CohortEnv(3_000, "pre_delinquency", weeks=12)
    env.reset(seed=2)
    for _ in range(12):
        before, due = env.lives.more["months_late"].copy(), env.lives.more["due_in_weeks"] == 0
        paying = due & ~env.lives.more["in_default"]
        env.step(np.zeros(env.num_envs, np.int64))
        late = env.truth.ledger()["late"] > 0
        assert not late[~due].any()
        after = env.lives.more["months_late"]
        assert (after[late] == before[late] + 1).all()
        assert (after[paying & ~late] == 0).all()
        assert (after[~paying] == before[~paying]).all()


def test_who_has_defaulted_owes_no_further_payment() -> None:
    env = CohortEnv(3_000, "pre_delinquency", weeks=16, scenario={"mechanisms": {"delinquency": {"remembered": 0.4}}})
    env.reset(seed=3)
    once = np.zeros(env.num_envs)
    for _ in range(16):
        gone = env.lives.more["in_default"].copy()
        env.step(np.zeros(env.num_envs, np.int64))
        assert not env.truth.ledger()["late"][gone].any()
        once += env.truth.ledger()["defaulted"]
    assert once.max() == 1


def test_stress_and_arrears_make_a_missed_payment_likelier() -> None:
    params = CohortEnv(1, "pre_delinquency").scenario.used["delinquency"]
    months = np.arange(4)
    calm, strained = (delinquency.probability(months, np.full(4, x, np.float32), params) for x in (-1.0, 1.0))
    assert (strained > calm).all()
    assert (np.diff(calm) > 0).all()


def test_a_call_does_more_than_a_reminder_and_a_lower_payment_next_to_nothing() -> None:
    env, _ = started()
    late = env.truth.mean_outcomes()["late"].sum(axis=0)
    reminder, call, lower = 1 - late[1:] / late[0]
    assert 0 < reminder < 0.09
    assert call > 2 * reminder
    assert abs(lower) < 0.01


def test_an_arm_is_remembered_until_the_payment_falls_due() -> None:
    late = []
    for arm in (0, 2):
        env = CohortEnv(20_000, "pre_delinquency", weeks=4)
        env.reset(seed=4)
        due_next = env.lives.more["due_in_weeks"] == 1
        env.step(np.full(env.num_envs, arm))
        late.append(float(env.truth.mean_outcomes()["late"][due_next, 0].sum()))
    assert 0.80 < late[1] / late[0] < 0.97


def test_newborn_customers_owe_nothing_from_before_they_came() -> None:
    env = CohortEnv(2_000, "pre_delinquency", newborn=True, burn_in_weeks=0)
    env.reset(seed=1)
    assert not env.lives.more["months_late"].any()
    old = CohortEnv(2_000, "pre_delinquency", burn_in_weeks=0)
    old.reset(seed=1)
    assert 0.10 < (old.lives.more["months_late"] > 0).mean() < 0.22


def test_a_world_without_loans_has_no_missed_payments() -> None:
    env = CohortEnv(100, "fintech")
    env.reset(seed=1)
    means = env.truth.mean_outcomes()
    assert not means["late"].any()
    assert not means["defaulted"].any()
