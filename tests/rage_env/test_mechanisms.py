"""Conditional means are the means of the draws, mechanism by mechanism, arm by arm."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from rage_env import mechanisms
from rage_env.cohort import CohortEnv
from rage_env.errors import ConfigError, WorldError
from rage_env.invariants.truth import redraws, sample
from rage_env.mutants.ledger import CapAfterMean
from rage_env.outcomes import COLUMNS
from rage_env.randomness import person_keys, seed_key
from rage_env.week import Week

ARMS = 6
REDRAWS = 10_000
SE = 4.8  # 4 standard errors in each of 17 columns x 6 arms, Bonferroni: luck fails the whole in one run of 6,000


@cache
def started() -> tuple[CohortEnv, NDArray[np.intp]]:
    """A cohort after six weeks of mixed arms, and 400 of its users."""
    env = CohortEnv(6_000, weeks=10)
    env.reset(seed=5)
    rng = np.random.default_rng(1)
    for _ in range(6):
        env.step(rng.integers(0, ARMS, env.num_envs))
    return env, sample(env.traits, env.lives)


def worst(means: Mapping[str, NDArray[np.float64]], arm: int) -> dict[str, float]:
    """{column: |z|} of a mean over 400 users against 10,000 redraws from the same state."""
    env, rows = started()
    drawn = redraws(env, env.traits.rows(rows), env.lives.rows(rows), arm, REDRAWS)
    out = {}
    for column in COLUMNS:
        told, sums = float(means[column][rows, arm].sum()), drawn[column]
        error = float(sums.std(ddof=1)) / np.sqrt(REDRAWS)
        out[column] = abs(float(sums.mean()) - told) / max(error, 1e-5 * abs(told), 1e-12)
    return out


@pytest.mark.parametrize("arm", range(ARMS))
def test_means_are_the_means_of_ten_thousand_redraws(arm: int) -> None:
    z = worst(started()[0].truth.mean_outcomes(), arm)
    assert max(z.values()) < SE, z


def test_a_cap_on_the_mean_instead_of_the_amount_would_be_seen() -> None:
    env, rows = started()
    wrong = CapAfterMean(10).world.means(env.traits, env.lives, np.zeros(env.num_envs, np.intp))
    assert worst({c: v[:, None] for c, v in wrong.items()}, 0)["loss_fraud"] > SE
    assert len(rows) == 400


@pytest.mark.parametrize(
    ("column", "arm", "factor"),
    [("active", 4, 1.01), ("churned", 4, 1.1), ("gmv", 4, 1.02), ("bonus_cost", 4, 1.03), ("loss_credit", 5, 1.03)],
)
def test_means_off_by_little_would_be_seen(column: str, arm: int, factor: float) -> None:
    means = started()[0].truth.mean_outcomes()
    assert worst({**means, column: means[column] * factor}, arm)[column] > SE


def test_each_user_s_chance_of_being_active_is_right_and_not_only_the_sum() -> None:
    env, rows = started()
    p = env.truth.mean_outcomes()["active"][rows, 1]
    times, key = 2_000, seed_key(77)
    hits = np.zeros(len(rows))
    for _ in range(times // 40):
        key += 1
        copies = np.tile(rows, 40)
        luck = type(env.luck(slice(0, 1), 0))(key, person_keys(key, np.arange(len(copies))), env.week)
        now = env.world.outcomes(env.traits.rows(copies), env.lives.rows(copies), np.ones(len(copies), np.intp), luck)
        hits += now["active"].reshape(40, -1).sum(axis=0)
    spread = np.sqrt(np.maximum(p * (1 - p), 1e-4) / times)
    z2 = float((((hits / times - p) / spread) ** 2).sum())
    assert abs(z2 - len(rows)) < 5 * np.sqrt(2 * len(rows))
    swapped = float((((hits / times - np.roll(p, 1)) / spread) ** 2).sum())
    assert swapped > 2 * len(rows)


def test_a_mean_that_asks_for_luck_is_refused() -> None:
    env, _ = started()
    week = Week(env.world.arms, env.traits, env.lives, np.zeros(env.num_envs, np.intp), None, {})
    with pytest.raises(WorldError, match="asked for luck"):
        _ = week.noise


def test_parents_come_before_children() -> None:
    order = mechanisms.in_order(dict.fromkeys(mechanisms.names()))
    given: set[str] = set()
    for name in order:
        assert set(mechanisms.module(name).PARENTS) <= given, name
        given |= set(mechanisms.module(name).GIVES)
    assert set(order) == set(mechanisms.names())


def test_a_scenario_without_a_needed_mechanism_says_which_one() -> None:
    with pytest.raises(ConfigError, match=r"mechanism disputes reads \['fraud_disputes'\]"):
        CohortEnv(5, scenario={"mechanisms": {"fraud": None}})
    with pytest.raises(ConfigError, match="nothing gives churned, which every world needs; add churn"):
        CohortEnv(5, scenario={"mechanisms": {"churn": None}})


def potential(column: str) -> NDArray[np.float32]:
    env, _ = started()
    return env.truth.potential_outcomes()[column]


def test_cashback_and_bonus_are_paid_as_the_arms_say() -> None:
    cost, gmv, redeemed = potential("bonus_cost"), potential("gmv"), potential("redeemed")
    assert (cost[:, 3] == 5 * redeemed[:, 3]).all()
    assert (cost[:, 4] == 20 * redeemed[:, 4]).all()
    assert cost[:, 2] == pytest.approx(np.minimum(0.0025 * gmv[:, 2], 25.0), rel=1e-6)
    assert not cost[:, [0, 1, 5]].any()


def test_what_the_platform_earns_is_its_take_of_volume() -> None:
    env, _ = started()
    take = env.scenario.used["offers"].take_rate
    margin = np.array([take + a.extra_margin for a in env.scenario.arms])
    assert potential("revenue_gross") == pytest.approx(potential("gmv") * margin, rel=1e-5)


def test_offers_wake_persuadables_and_drive_sleeping_dogs_away() -> None:
    env, _ = started()
    means = env.truth.mean_outcomes()
    here = env.lives.alive & (env.lives.age >= 0)
    for kind, wakes in (("persuadable", True), ("sleeping_dog", False)):
        mine = here & np.asarray(env.truth.archetypes == kind)
        lift = means["active"][mine][:, 1:5] - means["active"][mine][:, :1]
        leaves = means["churned"][mine][:, 1:5] - means["churned"][mine][:, :1]
        assert ((lift > 0) == wakes).all(), kind
        assert ((leaves <= 0) if wakes else (leaves >= 0)).all(), kind
