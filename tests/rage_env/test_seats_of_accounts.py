"""Seats share an account: one price, one control, one decision; empty slots are nobody."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rage_env import scenario
from rage_env.checks import check_world
from rage_env.cohort import CohortEnv
from rage_env.errors import ConfigError, DecisionError
from rage_env.interface import observe
from rage_env.outcomes import COLUMNS
from rage_env.seated import SeatedCohort, cohort_for
from rage_env.seating import BLOCK
from rage_env.state import Archetype
from rage_env.user import UserEnv

USERS = 4 * BLOCK


def lived(weeks: int, arm: int = 1, **keywords: Any) -> CohortEnv:  # Any: of CohortEnv
    env = CohortEnv(USERS, "b2b_nudge", seed=2, **keywords)
    _, info = env.reset()
    for _ in range(weeks):
        _, _, _, _, info = env.step(arm * info["action_mask"][:, arm].astype(np.int64))
    return env


@cache
def large() -> CohortEnv:
    env = CohortEnv(65_536, "b2b_nudge", seed=4)
    env.reset()
    return env


def test_empty_slots_are_never_there_never_act_and_are_counted_nowhere() -> None:
    env = lived(3)
    empty = ~env.traits.more["occupied"]
    assert empty.any()
    assert not env.lives.alive[empty].any()
    assert all((env.columns_all[c][empty] == 0).all() for c in COLUMNS)
    _, info = CohortEnv(USERS, "b2b_nudge", seed=2).reset()
    assert not info["present"][empty].any()
    assert not info["is_new"][empty].any()
    assert (info["action_mask"][empty].sum(axis=1) == 1).all()


def test_assigned_counts_seats_and_not_the_slots_between_them() -> None:
    rail = {
        "name": "head_count", "numerator": {"contacts": 1.0}, "denominator": {"assigned": 1.0}, "limit": 0.6,
    }  # fmt: skip
    env = lived(2, scenario={"guardrails": [rail]}, keep_burn_in=True)
    seats = int(env.traits.more["occupied"].sum())
    assert env.standing.denominator.tolist() == [2.0 * seats]
    assert seats < USERS
    assert all((log.present <= env.traits.more["occupied"]).all() for log in env.burn_in_logs)


def test_an_account_s_price_is_paid_once_whoever_has_left() -> None:
    env = CohortEnv(16 * BLOCK, "b2b_nudge", seed=3)
    _, info = env.reset()
    for _ in range(5):
        here, unit = info["present"], info["unit"]
        _, _, _, _, info = env.step(info["action_mask"][:, 1].astype(np.int64))
        paid = np.bincount(unit, weights=env.columns_all["contact_cost"])
        met = np.bincount(unit, weights=env.columns_all["contacts"]) > 0
        np.testing.assert_allclose(paid[met], 7.0, rtol=1e-5)
        assert not paid[~met].any()
    size = np.bincount(unit, weights=here)
    assert (size[met] < np.bincount(unit)[met]).any(), "nobody left, so nothing was tested"


def test_the_global_control_is_a_tenth_of_the_accounts_and_no_arm_reaches_it() -> None:
    env = large()
    more, mask = env.traits.more, env._action_mask()
    firsts = more["occupied"] & (env.traits.user_id == more["account"])
    share, error = more["control"][firsts].mean(), np.sqrt(0.1 * 0.9 / firsts.sum())
    assert abs(share - 0.1) < 4 * error < abs(share - 0.15)
    assert (mask[more["control"], 1:] == 0).all()
    assert (mask[env.lives.alive & ~more["control"]] == 1).all()
    with pytest.raises(DecisionError, match="is masked"):
        env.step(np.ones(env.num_envs, np.int64))


def test_every_account_has_an_admin_and_all_its_seats_agree_on_how_many() -> None:
    env = large()
    more, seats = env.traits.more, env.traits.more["occupied"]
    admins = np.bincount(more["account"][seats], weights=more["admin"][seats])[more["account"][seats]]
    assert (admins == more["admins"][seats]).all()
    assert admins.min() == 1
    alone = CohortEnv(BLOCK, "b2b_nudge", seed=4, first_slot=BLOCK, n_max=65_536)
    alone.reset()
    assert (alone.traits.more["admins"] == more["admins"][BLOCK : 2 * BLOCK]).all()


@pytest.mark.parametrize("role", [0.0, 1.2])
def test_the_archetype_mix_holds_whatever_drives_it_and_admins_are_sleeping_dogs_more_often_where_role_does(
    role: float,
) -> None:
    drivers = {"role": [0.0, 0.0, 0.0, role], "muted": [0.0, 0.0, 0.0, 0.3]}
    env = CohortEnv(65_536, "b2b_nudge", seed=4, scenario={"population": {"archetype": {"drivers": drivers}}})
    env.reset()
    seats = env.traits.more["occupied"]
    kind, mix = env.traits.archetype[seats], env.scenario.population.archetype.mix
    shares = np.bincount(kind, minlength=4) / len(kind)
    # seats of an account hang together, so users count for less than one each; the reference has 20,000 of them
    allowed = 4 * np.sqrt(2.0 * (1 / len(kind) + 1 / 20_000) * np.array(mix) * (1 - np.array(mix)))
    assert (np.abs(shares - mix) < allowed).all()
    admin, dogs = env.traits.more["admin"][seats] > 0, kind == Archetype.SLEEPING_DOG
    more_often = dogs[admin].mean() / dogs[~admin].mean()
    assert more_often > 2 if role else 0.75 < more_often < 1.33  # of 400 and 1,300 dogs: 5 standard errors


def test_seats_of_an_account_are_alike_in_health_and_of_others_are_not() -> None:
    env = large()
    more, z = env.traits.more, env.traits.activity
    beside = more["occupied"][:-1] & (more["account"][:-1] == more["account"][1:]) & (more["admin"][:-1] == 0)
    rows = np.flatnonzero(beside & (more["admin"][1:] == 0))
    wanted, error = env.scenario.used["accounts"].health_share, 1 / np.sqrt(len(rows))
    assert abs(np.corrcoef(z[rows], z[rows + 1])[0, 1] - wanted) < 5 * error
    assert abs(np.corrcoef(z[rows], np.roll(z[rows], 50))[0, 1]) < 5 * error


def test_larger_firms_lose_fewer_seats() -> None:
    env = large()
    kind, rate = env.traits.more["size_class"], env.traits.churn_rate
    smb, mid, ent = (rate[kind == code].mean() for code in range(3))
    assert mid == pytest.approx(smb / 2, rel=0.05)
    assert ent == pytest.approx(smb / 4, rel=0.1)


@pytest.mark.parametrize("chunk", [BLOCK, 4 * BLOCK])
def test_two_chunks_of_accounts_live_as_many_small_ones(chunk: int) -> None:
    def play(size: int) -> list[Mapping[str, NDArray[Any]]]:  # Any: arrays of every dtype
        env = CohortEnv(18_000, "b2b_nudge", seed=9)
        env.chunk = size
        _, info = env.reset()
        told: list[Mapping[str, NDArray[Any]]] = []
        for _ in range(4):
            obs, _, _, _, info = env.step(info["action_mask"][:, 1].astype(np.int64))
            told.append({"obs": obs, **env.truth.ledger()})
        return told

    for ours, theirs in zip(play(chunk), play(16_384), strict=True):
        assert all((ours[name] == theirs[name]).all() for name in theirs)


def test_a_shard_that_would_cut_an_account_is_refused_with_the_way_out() -> None:
    with pytest.raises(ConfigError, match=r"first_slot: .* multiple of 256 .* got 100"):
        CohortEnv(BLOCK, "b2b_nudge", first_slot=100, n_max=4 * BLOCK)
    with pytest.raises(ConfigError, match=r"first_slot \+ num_envs: .* got 300"):
        CohortEnv(300, "b2b_nudge", n_max=4 * BLOCK)
    CohortEnv(300, "b2b_nudge")
    CohortEnv(300, "fintech", first_slot=7, n_max=1_000)


def test_one_seat_alone_lives_as_in_the_cohort_while_its_account_gets_the_same() -> None:
    alone, cohort = UserEnv("b2b_nudge", user=300, weeks=5), CohortEnv(USERS, "b2b_nudge", weeks=5)
    obs, _ = alone.reset(seed=8)
    every, info = cohort.reset(seed=8)
    assert (obs == every[300]).all()
    mine = info["unit"] == info["unit"][300]
    for _ in range(5):
        arm = int(info["action_mask"][300, 1])
        obs, reward, ended, _, _ = alone.step(np.int64(arm))
        every, rewards, _, _, info = cohort.step(np.where(mine & info["present"], arm, 0))
        assert (obs == every[300]).all()
        assert reward == rewards[300]
        if ended:
            break


def test_an_empty_slot_cannot_be_played_and_the_error_names_one_that_can() -> None:
    env = CohortEnv(BLOCK, "b2b_nudge")
    _, info = env.reset(seed=2)
    empty = np.flatnonzero(~info["present"])
    assert len(empty), "this seed leaves no slot empty"
    with pytest.raises(ConfigError, match=r"stays empty under this seed; take \d+"):
        UserEnv("b2b_nudge", user=int(empty[0])).reset(seed=2)


@pytest.mark.parametrize("users", [200, 256, 500, 777])
def test_invariants_can_be_asked_of_any_number_of_slots(users: int) -> None:
    assert check_world(CohortEnv(1, "b2b_nudge"), users=users, weeks=3)


def test_a_role_without_accounts_is_refused() -> None:
    drivers = {"role": [0.0, 0.0, 0.0, 1.0]}
    with pytest.raises(ConfigError, match="nobody has a role; add the mechanism accounts"):
        CohortEnv(5, "fintech", scenario={"population": {"archetype": {"drivers": drivers}}})


@pytest.mark.parametrize(
    ("classes", "told"),
    [
        ([{"name": "a", "share": 0.5, "fewest": 1, "most": 2, "churn_times": 1.0}], "shares must sum to 1"),
        ([{"name": "a", "share": 1.0, "fewest": 3, "most": 2, "churn_times": 1.0}], "2 lies below fewest, 3"),
        ([{"name": "a", "share": 1.0, "fewest": 1, "most": 500, "churn_times": 1.0}], "less than or equal to 256"),
    ],
)
def test_impossible_size_classes_are_refused(classes: list[dict[str, object]], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        scenario.load("b2b_nudge", [{"mechanisms": {"accounts": {"classes": classes}}}])


def test_a_cohort_of_people_lives_as_the_slots_do_without_the_empty_ones() -> None:
    slots, people = CohortEnv(USERS, "b2b_nudge", seed=2), cohort_for(scenario.load("b2b_nudge"), USERS, seed=2)
    assert isinstance(people, SeatedCohort)
    obs, info = slots.reset()
    seats = np.flatnonzero(info["present"])
    shown, told = people.reset()
    for _ in range(3):
        assert (shown == obs[seats]).all()
        assert all((told[name] == info[name][seats]).all() for name in info)
        arm = info["action_mask"][:, 2].astype(np.int64)
        means = people.truth.mean_outcomes()
        assert all((m == slots.truth.mean_outcomes()[c][seats]).all() for c, m in means.items())
        obs, reward, _, _, info = slots.step(arm)
        shown, paid, _, _, told = people.step(arm[seats])
        assert (paid == reward[seats]).all()
        assert all((v == slots.truth.ledger()[c][seats]).all() for c, v in people.truth.ledger().items())
    assert people.assigned == len(seats) == observe(shown, told).n
    assert (people.truth.archetypes.codes == slots.truth.archetypes.codes[seats]).all()
    assert (people.truth.fraud_types.codes == slots.truth.fraud_types.codes[seats]).all()
    effects = people.truth.effects_by_archetype("active")
    np.testing.assert_array_equal(effects, slots.truth.effects_by_archetype("active"))
    with pytest.raises(DecisionError, match=rf"actions must be \({len(seats)},\)"):
        people.step(arm)
    with pytest.raises(ConfigError, match="use CohortEnv for 'open'"):
        SeatedCohort(USERS, "b2b_nudge", population="open")


def test_a_world_without_accounts_keeps_its_plain_cohort() -> None:
    assert type(cohort_for(scenario.load("fintech"), 10)) is CohortEnv
