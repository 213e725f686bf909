"""Every invariant can fail: each is shown a trial with one thing wrong and must refuse it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rage_env import invariants
from rage_env.cohort import CohortEnv
from rage_env.errors import WorldError
from rage_env.mutants import ledger as books
from rage_env.mutants import lives, luck, neighbours, sight, truth
from rage_env.randomness import seed_key
from rage_env.trial import Lived, Trial

Change = Callable[[Lived], dict[str, Any]]  # Any: fields of Lived
USERS, WEEKS = 800, 8


@cache
def trial(kind: type[CohortEnv] = CohortEnv) -> Trial:
    return Trial.run(kind(1), USERS, WEEKS, seed=0)


def last_week(change: Change) -> Trial:
    """The trial with the last week changed; by then some users have left and some losses are known."""
    *weeks, last = trial().weeks
    return dataclasses.replace(trial(), weeks=(*weeks, dataclasses.replace(last, **change(last))))


def ledger(column: str, change: Callable[[Lived, NDArray[Any]], NDArray[Any]]) -> Trial:  # Any: of a Lived
    return last_week(lambda week: {"ledger": {**week.ledger, column: change(week, week.ledger[column])}})


def reports(field: str, change: Callable[[NDArray[Any]], NDArray[Any]]) -> Trial:  # Any: of Reports
    settled = trial().settled
    return dataclasses.replace(
        trial(), settled=dataclasses.replace(settled, **{field: change(getattr(settled, field))})
    )


def all_next_week() -> Trial:
    """As if everything had been reported one week after it happened."""
    at_once = [dataclasses.replace(w.reports, reported_week=w.reports.accrual_week + 1) for w in trial().weeks]
    weeks = tuple(dataclasses.replace(w, reports=r) for w, r in zip(trial().weeks, at_once, strict=True))
    rest = trial().settled
    return dataclasses.replace(
        trial(), weeks=weeks, settled=dataclasses.replace(rest, reported_week=rest.accrual_week + 1)
    )


class SameLifeAlways(CohortEnv):
    """Neither seed nor episode matters."""

    def _begin(self) -> None:
        super()._begin()
        self._settle_in(seed_key(1))


class Reborn(CohortEnv):
    """A slot's newcomer has the id of who left it."""

    def _user_ids(self) -> NDArray[np.int64]:
        return self.first_slot + np.arange(self.num_envs)


BROKEN: dict[str, Callable[[], Trial]] = {
    "amounts_are_finite_and_not_negative": lambda: ledger("gmv", lambda w, x: np.where(x > 0, np.nan, x)),
    "bounds_of_the_arms_hold": lambda: last_week(
        lambda w: {"potential": {**w.potential, "loss_fraud": w.potential["loss_fraud"] + 3000}}
    ),
    "contacts_are_made_and_paid_as_the_arm_says": lambda: ledger("contact_cost", lambda w, x: 2 * x),
    "counts_are_whole_and_flags_are_flags": lambda: ledger("transactions", lambda w, x: 1.5 * x),
    "inactive_users_spend_nothing": lambda: ledger("active", lambda w, x: np.zeros_like(x)),
    "mean_losses_lie_within_a_third_of_their_bound": lambda: last_week(
        lambda w: {"means": {**w.means, "loss_fraud": w.means["loss_fraud"] + 10}}
    ),
    "net_revenue_is_an_identity": lambda: last_week(lambda w: {"reward": np.nextafter(w.reward, np.float32(np.inf))}),
    "departed_users_do_nothing": lambda: last_week(lambda w: {"arm": np.where(w.present, w.arm, 2)}),
    "newcomers_are_new_people": lambda: trial(Reborn),
    "users_leave_once": lambda: trial(lives.LeavesTwice),
    "units_act_as_one": lambda: Trial.run(neighbours.UnitDivided(1, "b2b_nudge"), USERS, WEEKS, seed=0),
    "labels_come_once_and_whole": lambda: reports("amount", lambda x: x + np.float32(0.01)),
    "labels_come_when_their_draw_says": lambda: reports("reported_week", lambda x: x + 1),
    "labels_follow_the_delay_law": all_next_week,
    "luck_belongs_to_one_person_in_one_week": lambda: trial(luck.SeedsShareValues),
    "no_label_comes_early": lambda: reports("reported_week", lambda x: np.full_like(x, WEEKS - 1)),
    "nothing_latent_is_seen": lambda: trial(sight.LatentInInfo),
    "observations_lie_in_their_space": lambda: last_week(lambda w: {"obs": w.obs + 30}),
    "chunks_make_no_difference": lambda: trial(luck.LuckByRow),
    "threads_make_no_difference": lambda: trial(luck.LuckByRow),
    "shards_make_no_difference": lambda: trial(luck.LuckByRow),
    "other_users_make_no_difference": lambda: trial(neighbours.SpendRelativeToCohort),
    "other_seeds_give_other_lives": lambda: trial(SameLifeAlways),
    "the_same_seed_gives_the_same_bits": lambda: trial(luck.SeedIgnored),
    "luck_lies_strictly_between_0_and_1": lambda: trial(luck.UniformReachesOne),
    "means_agree_with_redraws": lambda: trial(books.CapAfterMean),
    "others_meet_through_last_week_alone": lambda: Trial.run(
        neighbours.ContagionWithinTheWeek(1, "b2b_nudge"), USERS, WEEKS, seed=0
    ),
    "potential_outcomes_equal_the_ledger": lambda: trial(truth.TruthOfAnotherWeek),
}


def test_every_invariant_has_something_broken_to_refuse() -> None:
    assert set(BROKEN) == set(invariants.every())


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_an_invariant_refuses_what_breaks_it_and_names_a_user_or_an_arm(name: str) -> None:
    invariants.every()[name](trial())
    with pytest.raises(WorldError, match=r"user |arm |draw |known after"):
        invariants.every()[name](BROKEN[name]())


def told_ahead(people: int) -> Trial:
    """The trial with a flag in info that is up for the only ones who leave in the last week."""

    def change(week: Lived) -> dict[str, Any]:  # Any: fields of Lived
        mark = np.zeros(USERS, np.float32)
        mark[np.flatnonzero(week.present)[:people]] = 1
        return {"info": {**week.info, "alarm": mark}, "ledger": {**week.ledger, "churned": mark}}

    return last_week(change)


def test_one_unlucky_pair_of_people_is_no_leak_and_a_rare_leak_is_one() -> None:
    invariants.every()["nothing_latent_is_seen"](told_ahead(1))
    with pytest.raises(WorldError, match="info alarm shows the coming churned"):
        invariants.every()["nothing_latent_is_seen"](told_ahead(3))


def with_mean_fraud(more_usd: float) -> Trial:
    """Trials of a world without fraud whose truth speaks of so many dollars a user all the same."""
    whole = Trial.run(CohortEnv(1, "null_fraud"), USERS, WEEKS, seed=0)
    told = [{**w.means, "loss_fraud": w.means["loss_fraud"] + more_usd} for w in whole.weeks]
    weeks = tuple(dataclasses.replace(w, means=m) for w, m in zip(whole.weeks, told, strict=True))
    return dataclasses.replace(whole, weeks=weeks)


def test_losses_too_rare_to_be_drawn_contradict_no_mean_and_losses_that_would_show_do() -> None:
    invariants.every()["means_agree_with_redraws"](
        with_mean_fraud(0.02)
    )  # $8 of 400 users: one $2,000 loss in 250 draws
    with pytest.raises(WorldError, match="loss_fraud of 400 users"):
        invariants.every()["means_agree_with_redraws"](with_mean_fraud(0.05))
