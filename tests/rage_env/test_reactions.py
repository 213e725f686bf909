"""Contacts annoy, annoyance drives people away, and it spreads through an account with a week's delay."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from rage_env.cohort import CohortEnv
from rage_env.invariants.truth import redraws, sample
from rage_env.mechanisms import reactions
from rage_env.seating import BLOCK
from rage_env.state import Archetype, Lives
from rage_env.week import Columns, Week

SLOTS = 64 * BLOCK
NUDGE = 1


@cache
def world() -> CohortEnv:
    env = CohortEnv(SLOTS, "b2b_nudge", seed=6)
    env.reset()
    return env


def means(lives: Lives, arm: int = NUDGE) -> Columns:
    env = world()
    return env.world.means(env.traits, lives, np.full(SLOTS, arm), when=env.when(0))


def with_state(**columns: NDArray[np.float32]) -> Lives:
    return world().lives.with_columns(columns)


def test_nobody_reacts_to_what_never_came() -> None:
    assert not means(world().lives, arm=0)["negative_reaction"].any()
    assert means(world().lives)["negative_reaction"][world().lives.alive].all()


def test_sleeping_dogs_and_admins_react_most() -> None:
    env, chance = world(), means(world().lives)["negative_reaction"]
    admin, here = env.traits.more["admin"] > 0, env.lives.alive
    params = env.scenario.used["reactions"]
    for kind in Archetype:
        of_kind = here & (env.traits.archetype == kind)
        assert chance[of_kind & ~admin] == pytest.approx(params.rates[kind])
        assert chance[of_kind & admin] == pytest.approx(params.admin_times * params.rates[kind], rel=1e-6)


def test_the_mean_of_leaving_enumerates_who_reacts_and_an_average_annoyance_would_be_wrong() -> None:
    env = world()
    told = means(env.lives)["churned"]
    params = env.scenario.used["reactions"]
    chance = means(env.lives)["negative_reaction"]
    calm = means_with(params.model_copy(update={"log_hazard": 0.0}))
    annoyed = calm * np.exp(params.log_hazard)
    np.testing.assert_allclose(told, (1 - chance) * calm + chance * annoyed, rtol=1e-5)
    averaged = calm * np.exp(params.log_hazard * chance)
    assert abs(averaged.sum() / told.sum() - 1) > 0.05


def means_with(params: reactions.Params) -> NDArray[np.float64]:
    other = CohortEnv(
        SLOTS, "b2b_nudge", scenario={"mechanisms": {"reactions": params.model_dump(mode="json")}}, seed=6
    )
    other.reset()
    return other.truth.mean_outcomes()["churned"][:, NUDGE]


def test_means_agree_with_redraws_after_weeks_of_unrest_and_forgetting_it_would_show() -> None:
    env = CohortEnv(2 * BLOCK, "b2b_nudge", seed=3)
    _, info = env.reset()
    angry = with_weeks(env, info["action_mask"], 3)
    rows = np.flatnonzero(env.lives.alive & (angry > 0))
    assert len(rows) > 20
    traits, lives = env.traits.rows(rows), env.lives.rows(rows)
    told = env.world.means(traits, lives, np.full(len(rows), NUDGE), when=env.when(env.week))
    drawn = redraws(env, traits, lives, NUDGE, 10_000, when=env.when(env.week))
    for column in ("churned", "negative_reaction", "contact_cost", "revenue_gross"):
        error = drawn[column].std(ddof=1) / 100 + 1e-5 * abs(told[column].sum())
        assert abs(drawn[column].mean() - told[column].sum()) < 4 * error, column
    blind = lives.with_columns({"angry_admin": np.zeros(len(rows), np.float32)})
    calm = env.world.means(traits, blind, np.full(len(rows), NUDGE), when=env.when(env.week))
    error = drawn["churned"].std(ddof=1) / 100
    assert abs(drawn["churned"].mean() - calm["churned"].sum()) > 8 * error


def with_weeks(env: CohortEnv, mask: NDArray[np.int8], weeks: int) -> NDArray[np.float32]:
    """Nudge everybody for some weeks; (n,) 1 where an admin was angry last."""
    for _ in range(weeks):
        _, _, _, _, info = env.step(mask[:, NUDGE].astype(np.int64))
        mask = info["action_mask"]
    angry: NDArray[np.float32] = env.lives.more["angry_admin"]
    return angry


def test_an_angry_admin_moves_every_seat_of_the_account_and_no_other_next_week() -> None:
    env = world()
    admin = int(np.flatnonzero((env.traits.more["seats"] >= 4) & env.lives.alive)[0])
    now = {"negative_reaction": np.zeros(SLOTS, np.float32), "churned": np.zeros(SLOTS, np.float32)}
    now["negative_reaction"][admin] = 1
    assert env.traits.more["admin"][admin] == 1
    week = _week(now)
    after = reactions.advance(week, env.scenario.used["reactions"])
    mine = env.traits.more["account"] == env.traits.more["account"][admin]
    assert (after["angry_admin"] == mine).all()
    others = mine & (np.arange(SLOTS) != admin)
    assert after["unrest"][others] == pytest.approx(1 / (mine.sum() - 1))
    assert not after["unrest"][~others].any()
    lives = with_state(**{name: column.astype(np.float32) for name, column in after.items()})
    before, moved = means(env.lives, arm=0)["churned"], means(lives, arm=0)["churned"]
    assert ((moved > before) == mine).all()
    raised = means(lives)["negative_reaction"] > means(env.lives)["negative_reaction"]
    assert (raised == others).all()


def test_an_ordinary_seat_s_anger_is_no_admin_s() -> None:
    env = world()
    seat = int(np.flatnonzero((env.traits.more["admin"] == 0) & env.lives.alive)[0])
    now = {"negative_reaction": np.zeros(SLOTS, np.float32), "churned": np.zeros(SLOTS, np.float32)}
    now["negative_reaction"][seat] = 1
    after = reactions.advance(_week(now), env.scenario.used["reactions"])
    assert not after["angry_admin"].any()
    assert after["unrest"].any()


def _week(now: Columns) -> Week:
    env = world()
    return Week(env.world.arms, env.traits, env.lives, np.full(SLOTS, NUDGE), None, now, env.when(0))


def test_departed_colleagues_are_no_part_of_the_unrest() -> None:
    env = world()
    account = env.traits.more["account"]
    first = int(account[np.flatnonzero((env.traits.more["seats"] == 6) & env.lives.alive)[0]])
    alive = env.lives.alive.copy()
    alive[first + 3 : first + 6] = False
    now = {"negative_reaction": np.zeros(SLOTS, np.float32), "churned": np.zeros(SLOTS, np.float32)}
    now["negative_reaction"][first + 1] = 1
    week = replace(_week(now), lives=replace(env.lives, alive=alive))
    after = reactions.advance(week, env.scenario.used["reactions"])
    assert after["unrest"][first : first + 3] == pytest.approx([0.5, 0.0, 0.5])


LAST_WEEK = {"steady": 100.0, "slowing": 81.0, "fading": 60.0, "quickening": 112.0}
"""Spend of the last of four weeks, the others at 100: momentum 0, -.15, -.33 and .09."""


def test_several_admins_and_momentum_multiply_the_response_and_nothing_else() -> None:
    env = world()
    params = env.scenario.used["attention"]
    here = env.lives.alive
    kind, many = env.traits.archetype[here], env.traits.more["admins"][here] > params.few_admins
    plain = np.array(env.scenario.arms[NUDGE].effects.log_spend)[kind] * np.where(many, params.admins_times, 1)
    for name, last in LAST_WEEK.items():
        times = np.array(getattr(params, f"{name}_times", (1.0, 1.0, 1.0, 1.0)))[kind]
        np.testing.assert_allclose(_log_lift(_having_spent(last))[here], plain * times, atol=2e-6, err_msg=name)


def test_the_busiest_answer_with_their_spend_alone_and_whatever_else_is_true_of_them() -> None:
    env = world()
    params = env.scenario.used["attention"]
    here, month = env.lives.alive, params.busy_from_usd
    kind = env.traits.archetype[here]
    expected = (np.array(env.scenario.arms[NUDGE].effects.log_spend) * np.array(params.busy_spend_times))[kind]
    below, above = (_having_spent(share * month / 4, others=share * month / 4) for share in (0.99, 1.01))
    np.testing.assert_allclose(_log_lift(above)[here], expected, atol=2e-6)
    disturbed = kind != Archetype.SLEEPING_DOG  # who minds a nudge as much below
    assert (expected[disturbed] < 0).all()
    assert (_log_lift(below)[here][disturbed] > 0).all()
    still, moved = (means(lives)["active"][here] for lives in (below, above))
    np.testing.assert_array_equal(still, moved)


def _having_spent(last: float, others: float = 100.0) -> Lives:
    """The lives of the world, all of whom spent so much last week and in each of the three weeks before it."""
    gmv = np.full_like(world().lives.gmv, others)
    gmv[0] = last
    return replace(world().lives, gmv=gmv)


def _log_lift(lives: Lives) -> NDArray[np.float64]:
    """(n,) log of spend per active week under the nudge over that when left alone, where no contact came before."""
    fresh = replace(lives, contact_bits=np.zeros_like(lives.contact_bits))
    nudged, alone = means(fresh), means(fresh, arm=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        per_week = (m["gmv"] / m["active"] for m in (nudged, alone))
        out: NDArray[np.float64] = np.log(next(per_week)) - np.log(next(per_week))
    return out


@pytest.mark.parametrize("arm", range(3))
def test_means_of_seats_are_the_means_of_ten_thousand_redraws(arm: int) -> None:
    env, rows = lived_in()
    traits, lives = env.traits.rows(rows), env.lives.rows(rows)
    drawn = redraws(env, traits, lives, arm, 10_000, when=env.when(env.week))
    told = env.world.means(traits, lives, np.full(len(rows), arm), when=env.when(env.week))
    scores = {
        c: abs(sums.mean() - told[c].sum()) / (sums.std(ddof=1) / 100 + 1e-6 * abs(told[c].sum()) + 1e-9)
        for c, sums in drawn.items()
    }
    # 19 columns x 3 arms at 4.8 standard errors: luck fails this once in 10,000
    assert max(scores.values()) < 4.8, scores


@cache
def lived_in() -> tuple[CohortEnv, NDArray[np.intp]]:
    """A cohort after three weeks of nudging everybody, and 400 of its seats."""
    env = CohortEnv(4 * BLOCK, "b2b_nudge", seed=12)
    _, info = env.reset()
    with_weeks(env, info["action_mask"], 3)
    return env, sample(env.traits, env.lives)
