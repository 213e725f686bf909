"""What lives beside the fintech defaults: reach, cool-down, growth, attracted and adaptive abusers, wrong labels."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rage_env.checks import check_world
from rage_env.cohort import CohortEnv
from rage_env.errors import DecisionError
from rage_env.invariants.truth import redraws, sample
from rage_env.outcomes import COLUMNS
from rage_env.state import FraudType
from rage_env.trial import permitted
from tests.rage_env.full_world import full_cohort

REDRAWS = 10_000
SE = 4.8
ASSUMED = {"mechanisms": "assumed", "arrivals": "assumed"}


def world(n: int, mechanisms: dict[str, Any], **changes: Any) -> CohortEnv:
    return CohortEnv(n, scenario={"mechanisms": mechanisms, "sources": ASSUMED}, **changes)


@cache
def started() -> tuple[CohortEnv, NDArray[np.intp]]:
    env = full_cohort(6_000, weeks=10)
    _, info = env.reset(seed=5)
    rng = np.random.default_rng(1)
    for _ in range(6):
        *_, info = env.step(permitted(rng.integers(0, 6, env.num_envs), info))
    return env, sample(env.traits, env.lives)


@pytest.mark.parametrize("arm", [0, 3, 4, 5])
def test_means_with_every_mechanism_are_the_means_of_ten_thousand_redraws(arm: int) -> None:
    env, rows = started()
    means = env.truth.mean_outcomes()
    traits, lives = env.traits.rows(rows), env.lives.rows(rows)
    drawn = redraws(env, traits, lives, arm, REDRAWS, when=env.when(env.week))
    z = {}
    for column in COLUMNS:
        told, sums = float(means[column][rows, arm].sum()), drawn[column]
        error = float(sums.std(ddof=1)) / np.sqrt(REDRAWS)
        z[column] = abs(float(sums.mean()) - told) / max(error, 1e-5 * abs(told), 1e-12)
    assert max(z.values()) < SE, z


def test_check_world_passes_with_every_mechanism() -> None:
    assert len(check_world(full_cohort(1), users=600, weeks=6)) >= 25


def test_an_offer_that_does_not_arrive_costs_its_contact_and_does_nothing() -> None:
    lost = world(3_000, {"reach": {"delivered": {"push": 0.0}}})
    plain = CohortEnv(3_000)
    for env, arm in ((lost, 4), (plain, 0)):
        env.reset(seed=4)
        env.step(np.full(3_000, arm))
    a, b = lost.truth.ledger(), plain.truth.ledger()
    assert a["contact_cost"][a["contacts"] > 0] == pytest.approx(0.02)
    assert (a["contacts"].sum(), b["contacts"].sum()) == (3_000, 0)
    for column in set(COLUMNS) - {"contacts", "contact_cost"}:
        assert (a[column] == b[column]).all(), column


def test_contacts_arrive_at_the_stated_rate() -> None:
    env = world(20_000, {"reach": {"delivered": {"push": 0.7}}})
    env.reset(seed=4)
    env.step(np.full(env.num_envs, 3))
    redeeming = float(env.truth.ledger()["redeemed"].sum())
    sure = CohortEnv(20_000)
    sure.reset(seed=4)
    sure.step(np.full(sure.num_envs, 3))
    share = redeeming / float(sure.truth.ledger()["redeemed"].sum())
    assert 0.6 < share < 0.8


def test_who_was_contacted_is_left_in_peace_and_a_masked_arm_names_the_first_user() -> None:
    env = world(200, {"reach": {"cool_down_weeks": 2}})
    _, info = env.reset(seed=1)
    assert (info["action_mask"] == 1).all()
    asked = np.zeros(200, np.int64)
    asked[50:] = 1
    *_, info = env.step(asked)
    here = info["present"]
    assert (info["action_mask"][:50][here[:50]] == 1).all()
    assert not info["action_mask"][50:, 1:].any()
    assert info["status_quo"][50:, 0] == pytest.approx(1.0)
    first = info["user_id"][50:][here[50:]][0]
    with pytest.raises(DecisionError, match=rf"week 1, user {first}: arm nudge is masked"):
        env.step(np.ones(200, np.int64))
    env.step(np.zeros(200, np.int64))
    *_, info = env.step(np.zeros(200, np.int64))
    assert (info["action_mask"][info["present"]] == 1).all()


def test_only_the_eligible_may_be_lent_to() -> None:
    env, _ = started()
    mask = env.truth._env._action_mask()
    barred = (env.lives.age < 4) | (env.traits.kyc == 0) | (env.lives.fraud_reported > 0)
    assert not mask[barred, 5].any()
    assert mask[~barred & env.lives.alive & ((env.lives.contact_bits & 1) == 0), 5].all()


def test_a_growing_population_fills_its_slots_as_stated_and_alike_at_any_size() -> None:
    def lived(n: int) -> list[NDArray[np.bool_]]:
        growing = {"arrivals": {"initial_share": 0.5, "growth": 0.1, "until_week": 5}, "sources": ASSUMED}
        env = CohortEnv(n, population="open", weeks=12, scenario=growing)
        _, info = env.reset(seed=9)
        here = [info["present"]]
        for _ in range(9):
            *_, info = env.step(np.zeros(n, np.int64))
            here.append(info["present"])
        return here

    many, few = lived(20_000), lived(300)
    for week, here in enumerate(many):
        told = min(0.5 * 1.1 ** min(week, 5), 1.0)
        assert here.mean() == pytest.approx(told, abs=0.02), week
        assert (here[:300] == few[week]).all(), week


def test_abusers_among_newcomers_rise_with_the_bonus() -> None:
    shares = []
    for bonus in (0.0, 5.0, 10.0, 20.0):
        arm = {"mechanisms": {"attraction": {"share_per_usd": 0.002, "highest_share": 0.08}}, "sources": ASSUMED}
        env = CohortEnv(6_000, population="open", weeks=20, scenario=arm)
        arms = [a.model_copy(update={"bonus_usd": bonus}) if a.name == "bonus_20" else a for a in env.scenario.arms]
        env = CohortEnv(6_000, env.scenario.model_copy(update={"arms": tuple(arms)}), population="open")
        env.reset(seed=3)
        for _ in range(16):
            env.step(np.full(env.num_envs, 4))
        late = env.generation > 0
        shares.append(float((env.traits.fraud_type[late] == FraudType.ABUSER).mean()))
    assert sorted(shares) == shares
    assert 0.02 <= shares[2] <= 0.08
    assert shares[3] > 2 * shares[0]


def test_abusers_copy_what_paid_last_week() -> None:
    def incidents(adaptive: bool) -> float:
        env = world(20_000, {"abuse": {"adaptive": adaptive, "eagerness": 3.0}}, weeks=12)
        env.reset(seed=6)
        total = 0.0
        for week in range(8):
            env.step(np.full(env.num_envs, 4))
            total += float(env.truth.ledger()["abuse"].sum()) if week else 0.0
        return total

    assert incidents(True) > 1.5 * incidents(False)


def test_recovered_money_comes_back_and_cases_stand() -> None:
    plain, mended = CohortEnv(60_000), world(60_000, {"recovery": {"share": 0.2}})
    books = []
    for env in (plain, mended):
        env.reset(seed=8)
        env.step(np.zeros(env.num_envs, np.int64))
        books.append(env.truth.ledger())
    assert (books[0]["chargebacks"] == books[1]["chargebacks"]).all()
    came_back = books[0]["loss_fraud"] - books[1]["loss_fraud"]
    cases = books[0]["loss_fraud"] > 0
    share = float((came_back[cases] > 0).mean())
    assert share == pytest.approx(0.2, abs=4 * np.sqrt(0.16 / cases.sum()))
    assert (came_back[came_back > 0] == books[0]["loss_fraud"][came_back > 0]).all()


def test_labels_miss_some_fraud_and_invent_some() -> None:
    wrong = {"unreported": 0.4, "false_reports": [0.0, 0.0, 0.05, 0.0]}
    plain, blurred = CohortEnv(60_000), world(60_000, {"corruption": wrong})
    books = []
    for env in (plain, blurred):
        env.reset(seed=8)
        env.step(np.zeros(env.num_envs, np.int64))
        books.append(env.truth.ledger())
    assert (books[0]["loss_fraud"] == books[1]["loss_fraud"]).all()
    cases = books[0]["fraud_reports"] > 0
    missed = float((books[1]["fraud_reports"][cases] == 0).mean())
    assert missed == pytest.approx(0.4, abs=4 * np.sqrt(0.24 / cases.sum()))
    invented = (books[1]["fraud_reports"] > 0) & ~cases
    assert invented.any()
    assert (plain.traits.fraud_type[invented] == FraudType.FIRST_PARTY).all()


def test_shards_that_are_given_the_whole_cohort_s_sums_live_as_the_whole_does() -> None:
    keywords: dict[str, Any] = {"weeks": 6}
    mechanisms = {"abuse": {"adaptive": True, "eagerness": 2.0}}
    whole = world(32_768, mechanisms, **keywords)
    shards = [
        world(16_384, mechanisms, first_slot=16_384 * i, n_max=32_768, cohort_sums={}, **keywords) for i in range(2)
    ]
    for env in (whole, *shards):
        env.reset(seed=2)
    sums: list[dict[str, float]] = []
    for _ in range(4):
        whole.step(np.full(32_768, 4))
        for shard in shards:
            shard.given_sums = {n: sum(s[n] for s in sums) for n in sums[0]} if sums else {}
            shard.step(np.full(16_384, 4))
        sums = [shard.own_sums for shard in shards]
        lived = [shard.truth.ledger() for shard in shards]
        for column, values in whole.truth.ledger().items():
            assert (values == np.concatenate([part[column] for part in lived])).all(), column
