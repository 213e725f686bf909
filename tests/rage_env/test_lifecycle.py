"""Customers slide when they stop ordering; what the shop sees of it stays inside its ranges and hides the level."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rage_env.cohort import CohortEnv
from rage_env.errors import ConfigError
from rage_env.mechanisms.lifecycle import monthly_orders, tier


def shop(n: int = 4_000, **lifecycle: Any) -> CohortEnv:  # Any: parameters of the mechanism
    return CohortEnv(n, "commerce_churn", scenario={"mechanisms": {"lifecycle": lifecycle}} if lifecycle else None)


def test_levels_fall_into_thirds_and_orders_fall_with_them() -> None:
    level = np.array([0.0, 0.33, 0.34, 0.66, 0.67, 1.0], np.float32)
    assert tier(level).tolist() == [0, 0, 1, 1, 2, 2]
    orders = monthly_orders(level, shop(1).scenario.used["lifecycle"])
    assert orders[0] == pytest.approx(4.0)
    assert orders[-1] == pytest.approx(0.05)
    assert (np.diff(orders) < 0).all()


def test_orders_come_about_as_often_as_the_level_says() -> None:
    env = shop(20_000)
    env.reset(seed=3)
    level = env.lives.more["risk_level"]
    told = 1 - np.exp(-monthly_orders(level, env.scenario.used["lifecycle"]) * 12 / 52)
    mean = env.truth.mean_outcomes()["active"][:, 0]
    for code in range(3):
        mine = (tier(level) == code) & env.lives.alive
        assert mean[mine].mean() == pytest.approx(told[mine].mean(), rel=0.15), code


def test_an_order_mends_and_a_week_wears() -> None:
    env = shop(wear=0.01, mending=0.05, step_sd=0.0)
    env.reset(seed=3)
    before = env.lives.more["risk_level"].copy()
    env.step(np.zeros(env.num_envs, np.int64))
    ordered = env.truth.ledger()["active"] > 0
    inside = (before > 0.1) & (before < 0.9)
    moved = (env.lives.more["risk_level"] - before)[inside]
    wear = env.world.parts(env.when(0)).used["lifecycle"].wear
    assert moved[~ordered[inside]] == pytest.approx(wear, abs=1e-6)
    assert moved[ordered[inside]] == pytest.approx(wear - 0.05, abs=1e-6)


def test_risk_leaves_and_shows_in_everything_but_the_level_itself() -> None:
    env = shop(20_000)
    features, info = env.reset(seed=3)
    level, names = env.lives.more["risk_level"], env.features.names
    assert "risk_level" not in names
    leaving = env.truth.mean_outcomes()["churned"][:, 0]
    assert leaving[tier(level) == 2].mean() > 2 * leaving[tier(level) == 0].mean()
    varied = [name for j, name in enumerate(names) if features[:, j].std() > 0]
    seen = {name: float(np.corrcoef(features[:, names.index(name)], level)[0, 1]) for name in varied}
    assert seen["email_open_rate"] < -0.8
    assert seen["visits"] < -0.5
    assert seen["ticket"] > 0.05
    assert max(abs(r) for r in seen.values()) < 0.98
    assert (np.asarray(info["segment_tier"]) == tier(level)).mean() > 0.9


def test_newcomers_start_engaged() -> None:
    env = CohortEnv(2_000, "commerce_churn", newborn=True, burn_in_weeks=0)
    env.reset(seed=1)
    assert (tier(env.lives.more["risk_level"]) == 0).all()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"mix": [0.5, 0.3, 0.3]}, "sum to 1; they sum to 1.1"),
        ({"orders_a_month": [4.0, 1.5, 2.0, 0.05]}, "fall with the level"),
        ({"wear": -0.1}, "wear"),
    ],
)
def test_a_lifecycle_that_cannot_be_is_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        shop(**wrong)
