"""In the null worlds there is nothing to win, by the truth; fintech must fail each of their tests."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from rage_env.cohort import CohortEnv
from rage_env.outcomes import value

Floats = NDArray[np.float64]
USERS = 4_000
OF_FRAUD = ("loss_fraud", "loss_bonus_abuse", "loss_credit", "fraud_reports", "disputes", "chargebacks", "abuse")


@cache
def lived(world: str) -> CohortEnv:
    """A cohort after a month in which everybody got arms at random, so that histories differ."""
    env = CohortEnv(USERS, world)
    env.reset(seed=31)
    rng = np.random.default_rng(0)
    for _ in range(4):
        env.step(rng.integers(0, env.world.arms.k, USERS))
    return env


@cache
def gains(world: str) -> Floats:
    """(present, k - 1) expected value of each arm beyond no_offer, usd in the coming week."""
    env = lived(world)
    means = env.truth.mean_outcomes()
    worth = np.asarray(value(means, env.scenario.retention_value_usd), np.float64)[env.lives.alive]
    out: Floats = worth[:, 1:] - worth[:, :1]
    return out


def someone_wins(world: str) -> bool:
    """Whether an offer is worth more than its contact costs to anybody."""
    price = np.array([arm.contact_cost_usd for arm in lived(world).scenario.arms[1:]])
    return bool((gains(world) > -price + 1e-6).any())


def ranking_pays(world: str) -> bool:
    """Whether the best fifth by true uplift gains .5 % of an arm's mean gain more than a fifth at random."""
    best = np.sort(gains(world), axis=0)[-len(gains(world)) // 5 :].mean(axis=0)
    average = gains(world).mean(axis=0)
    return bool((best - average > 0.005 * np.abs(average)).any())


def something_is_lost(world: str) -> bool:
    """Whether any user can cause a loss, a dispute or an incident under any arm, with this luck or in the mean."""
    truth = lived(world).truth
    return any(book[c].any() for book in (truth.potential_outcomes(), truth.mean_outcomes()) for c in OF_FRAUD)


def test_where_nothing_works_every_contact_loses_its_price_with_everybody() -> None:
    assert not someone_wins("null_effects")
    assert someone_wins("fintech")


def test_where_all_are_equal_the_best_users_gain_no_more_than_any_others() -> None:
    assert not ranking_pays("null_heterogeneity")
    assert (gains("null_heterogeneity").mean(axis=0) > 0).any()  # offers do work there
    assert ranking_pays("fintech")


def test_where_all_are_honest_nobody_causes_a_loss_whatever_is_offered() -> None:
    assert not something_is_lost("null_fraud")
    assert something_is_lost("fintech")


def test_a_null_world_differs_from_fintech_only_where_it_says_so() -> None:
    usual = lived("fintech").scenario
    for world in ("null_effects", "null_heterogeneity", "null_fraud"):
        null = lived(world).scenario
        assert null.guardrails == usual.guardrails
        assert null.delays == usual.delays
        assert null.arm_names == usual.arm_names
        assert [a.contact_cost_usd for a in null.arms] == [a.contact_cost_usd for a in usual.arms]
    assert lived("null_effects").scenario.population == usual.population
    assert [a.effects for a in lived("null_fraud").scenario.arms] == [a.effects for a in usual.arms]
