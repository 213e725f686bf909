"""Features by hand: what is observed is what was lived, inside its bounds."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from rage_env import scenario
from rage_env.cohort import CohortEnv
from rage_env.features import FeatureTable


def feature(env: CohortEnv, obs: NDArray[np.float32], name: str) -> NDArray[np.float32]:
    return obs[:, env.features.names.index(name)]


def test_trailing_windows_are_sums_of_the_weeks_that_were_lived() -> None:
    env = CohortEnv(500, weeks=8)
    obs, _ = env.reset(seed=2)
    lived = []
    for week in range(6):
        obs, *_ = env.step(np.random.default_rng(week).integers(0, 6, 500))
        lived.append(env.truth.ledger())
    last = lived[-4:]
    active = np.sum([w["active"] for w in last], axis=0)
    assert (feature(env, obs, "active_4w") == active).all()
    assert (feature(env, obs, "active_1w") == lived[-1]["active"]).all()
    assert (feature(env, obs, "contacts_4w") == sum(w["contacts"] for w in last)).all()
    some = active > 0
    assert feature(env, obs, "momentum")[some] == pytest.approx(4 * lived[-1]["active"][some] / active[some])
    assert (feature(env, obs, "momentum")[~some] == 1).all()
    assert feature(env, obs, "log_gmv_4w") == pytest.approx(np.log1p(sum(w["gmv"] for w in last)), rel=1e-5)
    assert feature(env, obs, "log_gmv_1w") == pytest.approx(np.log1p(lived[-1]["gmv"]), rel=1e-5)
    recent = np.stack([w["active"] for w in lived[::-1]])
    since = np.where(recent.any(axis=0), recent.argmax(axis=0), -1)
    seen = since >= 0
    assert (feature(env, obs, "recency_weeks")[seen] == since[seen]).all()


def test_the_last_response_is_whether_the_user_was_active_after_the_last_contact() -> None:
    env = CohortEnv(300, weeks=4)
    obs, _ = env.reset(seed=2)
    assert not feature(env, obs, "last_response").any()
    obs, *_ = env.step(np.ones(300, np.int64))
    active = env.truth.ledger()["active"]
    there = env.last_present
    assert (feature(env, obs, "last_response")[there] == np.where(active == 1, 1, -1)[there]).all()
    obs, *_ = env.step(np.zeros(300, np.int64))
    assert (feature(env, obs, "last_response") == np.where(active == 1, 1, -1)).all()


def test_reported_fraud_is_seen_only_once_it_is_reported() -> None:
    env = CohortEnv(20_000, weeks=10)
    obs, _ = env.reset(seed=2)
    start = feature(env, obs, "fraud_reported").sum()
    known = 0.0
    for _ in range(8):
        obs, *_ = env.step(np.zeros(20_000, np.int64))
        known += float(env.reports().amounts("fraud_reports").amount.sum())
        assert feature(env, obs, "fraud_reported").sum() == start + known
    assert known > 0
    assert start > 0


def test_values_beyond_a_bound_are_cut_to_it() -> None:
    env = CohortEnv(50, scenario={"population": {"signals": {"device_sd": 1e4}}})
    obs, _ = env.reset(seed=1)
    assert env.observation_space.contains(obs)
    assert np.abs(feature(env, obs, "device_risk")).max() == 64


def test_places_are_flags_with_the_first_left_out() -> None:
    table = FeatureTable(scenario.load("fintech").population)
    regions = len(scenario.load("fintech").population.region_mix)
    assert [n for n in table.names if n.startswith("region")] == [f"region_{c}" for c in range(1, regions)]
    env = CohortEnv(400)
    obs, info = env.reset(seed=1)
    assert (feature(env, obs, "region_2") == (info["segment_region"] == 2)).all()
    assert len(set(table.names)) == len(table)
