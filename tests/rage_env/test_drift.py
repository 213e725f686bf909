"""Numbers move with the calendar as the scenario says, for everyone alike, and never out of their range."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from rage_env.cohort import CohortEnv
from rage_env.drift import Drift
from rage_env.errors import ConfigError
from rage_env.outcomes import COLUMNS
from rage_env.week import When

GMV = "mechanisms.spending.gmv_per_active_week_usd"
SOURCE = {"drift": "assumed"}


def drifting(*drifts: dict[str, Any], n: int = 4_000, weeks: int = 8, **changes: Any) -> CohortEnv:
    return CohortEnv(n, weeks=weeks, scenario={"drift": list(drifts), "sources": SOURCE}, **changes)


@pytest.mark.parametrize(
    ("drift", "week", "s"),
    [
        (Drift(target=GMV, kind="none", size=1.0), 9, 0.0),
        (Drift(target=GMV, kind="abrupt", size=1.0, from_week=3), 2, 0.0),
        (Drift(target=GMV, kind="abrupt", size=1.0, from_week=3), 3, 1.0),
        (Drift(target=GMV, kind="linear", size=1.0, from_week=2, over_weeks=4), 3, 0.25),
        (Drift(target=GMV, kind="linear", size=1.0, from_week=2, over_weeks=4), 99, 1.0),
        (Drift(target=GMV, kind="seasonal", size=1.0), 13, 1.0),
        (Drift(target=GMV, kind="seasonal", size=1.0), 39, -1.0),
    ],
)
def test_each_kind_has_its_shape(drift: Drift, week: int, s: float) -> None:
    assert drift.shape(week) == pytest.approx(s, abs=1e-12)


def test_a_random_walk_belongs_to_the_seed_and_has_the_stated_spread() -> None:
    drift = Drift(target=GMV, kind="random_walk", size=0.1, furthest=100.0)
    ends = np.array([drift.shape(16, key) for key in range(2_000)])
    assert drift.shape(16, 5) == ends[5] != ends[6]
    assert drift.shape(16, 5, place=1) != ends[5]
    error = 4 / math.sqrt(2 * len(ends))
    assert ends.std() == pytest.approx(4.0, rel=error)
    assert abs(ends.std() / 3.5 - 1) > error, "a walk of another spread would pass"
    held = Drift(target=GMV, kind="random_walk", size=0.1, furthest=2.0)
    assert max(abs(held.shape(40, key)) for key in range(50)) == 2.0


def test_spend_moves_by_the_stated_factor_from_the_stated_week() -> None:
    plain, moved = drifting(), drifting({"target": GMV, "kind": "abrupt", "size": 0.5, "from_week": 4})
    for env in (plain, moved):
        env.reset(seed=3)
    for week in range(6):
        for env in (plain, moved):
            env.step(np.zeros(env.num_envs, np.int64))
        told, found = plain.truth.ledger()["gmv"], moved.truth.ledger()["gmv"]
        assert found == pytest.approx(told * (1.5 if week >= 4 else 1.0), rel=1e-5)


def test_arms_are_found_by_name_and_by_place_and_lists_move_towards_lists() -> None:
    by_name, by_place = (
        drifting({"target": f"arms.{arm}.effects.activity_logit", "kind": "abrupt", "to": [0.0, 0.0, 0.0, 0.0]})
        for arm in ("bonus_20", "4")
    )
    tables = [env.world.parts(When(0)).arms.activity_logit for env in (by_name, by_place)]
    assert (tables[0] == tables[1]).all()
    assert not tables[0][16:20].any()
    assert by_name.world.arms.activity_logit[16:20].any()


def test_truth_knows_of_the_drift() -> None:
    env = drifting({"target": "mechanisms.fraud.third_party_rate", "kind": "linear", "size": 3.0, "over_weeks": 6})
    env.reset(seed=1)
    for _ in range(5):
        potential, arm = env.truth.potential_outcomes(), np.full(env.num_envs, 2)
        env.step(arm)
        lived = env.truth.ledger()
        assert all((potential[c][np.arange(env.num_envs), env.last_arm] == lived[c]).all() for c in COLUMNS)


def test_newcomers_follow_the_drift_of_the_population() -> None:
    kinds = []
    for drift in ([], [{"target": "population.fraud_mix", "kind": "abrupt", "to": [0.5, 0.5, 0.0, 0.0]}]):
        env = drifting(*drift, population="open", weeks=12)
        env.reset(seed=2)
        for _ in range(10):
            env.step(np.zeros(env.num_envs, np.int64))
        late = env.generation > 0
        assert late.sum() > 200
        kinds.append(float((env.traits.fraud_type[late] == 1).mean()))
    assert kinds[0] < 0.05
    assert kinds[1] == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(
    ("drift", "said"),
    [
        ({"target": "mechanisms.spending.gmv", "kind": "abrupt", "size": 1.0}, "no number stands at"),
        ({"target": "arms.bonus_50.bonus_usd", "kind": "abrupt", "size": 1.0}, "did you mean"),
        ({"target": "weeks", "kind": "abrupt", "size": 1.0}, "no number stands at 'weeks'"),
        ({"target": "mechanisms.fraud.third_party_rate", "kind": "abrupt", "size": 9.0}, "would leave its range"),
        ({"target": "population.fraud_mix", "kind": "abrupt", "size": 0.1}, "would leave its range"),
        ({"target": "population.fraud_mix", "kind": "abrupt", "to": [0.5, 0.5]}, "another length"),
        ({"target": GMV, "kind": "seasonal", "to": 3.0}, "goes with linear or abrupt"),
        ({"target": GMV, "kind": "abrupt", "size": -1.0}, "must be above 0"),
        ({"target": GMV, "kind": "sudden", "size": 1.0}, "kind"),
        ({"target": GMV, "kind": "random_walk", "size": 500.0}, "would leave its range"),
        ({"target": "arms.bonus_5.bonus_usd", "kind": "abrupt", "size": 1.0}, "lies below the bonus of 10"),
        ({"target": "population.churn.oldest_age_weeks", "kind": "abrupt", "to": 9.0}, "is a whole number"),
    ],
)
def test_a_drift_that_cannot_be_is_refused_at_once(drift: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        drifting(drift)


def test_drifts_that_are_sound_alone_but_not_together_are_refused_before_a_week_is_lived() -> None:
    target = "mechanisms.fraud.third_party_rate"
    first, second = ({"target": target, "kind": "abrupt", "size": 2.0, "from_week": week} for week in (1, 4))
    with pytest.raises(ConfigError, match=r"drift\.0, drift\.1: together .* mechanisms\.fraud .* in week 4 "):
        drifting(first, second)
    assert drifting(first, {**second, "size": -0.9}).num_envs > 0


def test_a_drift_needs_a_source_like_any_number() -> None:
    with pytest.raises(ConfigError, match=r"no source covers the number drift\.0\.size"):
        CohortEnv(5, scenario={"drift": [{"target": GMV, "kind": "abrupt", "size": 0.5}]})
