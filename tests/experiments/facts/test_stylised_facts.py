"""fintech reproduces the facts that its numbers were taken from. Seeds are fixed; ranges stand in facts/accepted.py.

Each fact comes with a world or an array that must fall outside its range.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from experiments.facts import activity, fraud, late, spending, uplift
from experiments.facts.accepted import ACCEPTED
from experiments.facts.panel import Bools, Floats, Panel, live
from experiments.reward_model import cross_fit
from rage_env.cohort import CohortEnv
from rage_env.log import Reports
from rage_env.outcomes import value
from rage_env.state import FraudType

USERS = 20_000


@cache
def cohort(weeks: int, *, newborn: bool) -> tuple[CohortEnv, Panel]:
    """A cohort that was left alone, after its weeks."""
    env = CohortEnv(USERS, weeks=weeks, newborn=newborn)
    env.reset(seed=12)
    return env, live(env, weeks, ("loss_fraud", "transactions", "disputes"))


def year() -> Panel:
    return cohort(52, newborn=False)[1]


def newborns() -> Panel:
    return cohort(105, newborn=True)[1]


@cache
def expected_week() -> dict[str, Floats]:
    """{column: (n, k)} conditional means of a first week, and the value they add up to."""
    env = CohortEnv(USERS)
    env.reset(seed=12)
    means = env.truth.mean_outcomes()
    worth = np.asarray(value(means, env.scenario.retention_value_usd), np.float64)
    return {**means, "value": worth}


def holds(fact: str, found: float) -> bool:
    return ACCEPTED[fact].holds(found)


def test_activity_this_week_tells_of_the_next_and_still_of_half_a_year_later() -> None:
    active = year().stayers.active
    one, far = activity.lag_correlation(active, 1), activity.lag_correlation(active, 26)
    assert holds("activity lag 1", one)
    assert holds("activity lag 26 / lag 1", far / one)
    shuffled = np.random.default_rng(0).permuted(active, axis=0)
    assert not holds(
        "activity lag 26 / lag 1", activity.lag_correlation(shuffled, 26) / activity.lag_correlation(shuffled, 1)
    )


def test_users_differ_in_how_active_they_are_as_households_do() -> None:
    active = year().stayers.active
    mixing = activity.beta_mixing(active)
    assert holds("beta mixing a", mixing.a)
    assert holds("beta mixing b", mixing.b)
    assert holds("sd of user means", activity.user_mean_sd(active))
    alike = np.random.default_rng(0).permuted(active, axis=1)
    assert not holds("sd of user means", activity.user_mean_sd(alike))
    assert not holds("beta mixing a", activity.beta_mixing(alike).a)


def test_a_tenth_of_users_spend_about_half_and_the_active_spend_more() -> None:
    stayers = year().stayers
    total = stayers.gmv.sum(axis=0)
    assert holds("top 10 % of GMV", spending.top_share(total, 0.10))
    assert holds("top 1 % of GMV", spending.top_share(total, 0.01))
    assert not holds("top 10 % of GMV", spending.top_share(np.ones(1000), 0.10))
    assert holds("activity and log-spend", spending.activity_spend_correlation(stayers.active, stayers.gmv))
    strangers = np.random.default_rng(0).permutation(stayers.users)
    apart = spending.activity_spend_correlation(
        stayers.active, np.where(stayers.active > 0, stayers.gmv[:, strangers], 0)
    )
    assert not holds("activity and log-spend", apart)


def test_an_active_user_settles_at_least_one_transaction_of_about_a_ticket() -> None:
    transactions = year().column("transactions")
    assert (transactions[year().active == 1] >= 1).all()
    assert 18 <= year().gmv.sum() / transactions.sum() <= 26


def test_newborns_stay_as_the_company_s_filing_says() -> None:
    left = activity.survival(newborns().present)
    assert holds("survival 52", left[52])
    assert holds("survival 104 / 52", left[104] / left[52])
    retention = activity.retention_by_quarter(newborns().present)
    assert (np.diff(retention[:4]) > 0).all()
    constant = left[52] ** (np.arange(105) / 52)  # the same first year without differences between people
    assert not holds("survival 104 / 52", constant[104] / constant[52])


def test_weekly_volume_of_an_open_population_is_steady() -> None:
    env = CohortEnv(2_500, weeks=40, population="open")
    env.reset(seed=9)
    weekly = live(env, 39).gmv
    assert holds("CV of weekly GMV", spending.weekly_cv(weekly))
    assert not holds("CV of weekly GMV", spending.weekly_cv(weekly[:, :20]))


def test_fraud_of_a_cohort_left_alone_costs_five_to_twenty_points_of_volume() -> None:
    env = CohortEnv(USERS, weeks=26)
    env.reset(seed=4)
    loss, gmv = [], []
    for week in range(26):
        if week % 5 == 0:
            means = env.truth.mean_outcomes()
            loss.append(means["loss_fraud"][:, 0])
            gmv.append(means["gmv"][:, 0])
        env.step(np.zeros(USERS, np.int64))
    bps = fraud.loss_bps(np.stack(loss), np.stack(gmv))
    assert holds("fraud bps of GMV", bps)
    assert not holds("fraud bps of GMV", 3 * bps)


def test_fraud_is_concentrated_front_loaded_and_committed_by_cheats_alone() -> None:
    env, panel = cohort(105, newborn=True)
    loss = panel.column("loss_fraud")[:52]
    assert not loss[:, env.traits.fraud_type < FraudType.FIRST_PARTY].any()
    assert holds("share of users with fraud", fraud.affected_share(loss))
    assert holds("top tenth of fraud loss", fraud.top_tenth_of_loss(loss))
    assert not holds("top tenth of fraud loss", fraud.top_tenth_of_loss((loss > 0).astype(np.float64)))
    assert holds("early fraud hazard", fraud.early_hazard(loss, panel.active))
    backwards = fraud.early_hazard(loss[::-1], panel.active[:52][::-1])
    assert not holds("early fraud hazard", backwards)


def test_fraud_is_small_in_the_median_and_large_in_the_mean() -> None:
    loss = year().column("loss_fraud")
    mean, median = fraud.amounts_against_honest(loss, year().gmv)
    assert holds("fraud over honest, mean", mean)
    assert holds("fraud over honest, median", median)
    even = np.where(loss > 0, loss[loss > 0].mean(), 0.0)
    assert not holds("fraud over honest, median", fraud.amounts_against_honest(even, year().gmv)[1])


def test_about_half_of_the_disputes_come_from_customers_against_purchases_of_their_own() -> None:
    env, panel = cohort(52, newborn=False)
    kinds = env.traits.fraud_type
    assert holds("first-party share of disputes", fraud.first_party_share(panel.column("disputes"), kinds))
    relabelled = np.where(kinds == FraudType.THIRD_PARTY, FraudType.FIRST_PARTY, kinds).astype(np.int8)
    assert not holds("first-party share of disputes", fraud.first_party_share(panel.column("disputes"), relabelled))


def test_charge_backs_become_known_after_a_month_and_never_after_the_right_to_dispute() -> None:
    env = CohortEnv(USERS, weeks=26, newborn=True)
    env.reset(seed=3)
    told = []
    for _ in range(26):
        env.step(np.zeros(USERS, np.int64))
        told.append(env.reports())
    lags = fraud.report_lags(Reports.concat([*told, env.settle()]), "chargebacks")
    assert holds("charge-back lag, median", lags.median)
    assert holds("charge-back lag, P90", lags.p90)
    assert holds("charge-back lag, longest", lags.longest)
    unsettled = fraud.report_lags(Reports.concat(told[:6]), "chargebacks")  # what came first is what came early
    assert not holds("charge-back lag, median", unsettled.median)


def test_a_tenth_of_users_hold_most_of_what_offers_can_gain() -> None:
    worth = expected_week()["value"]
    assert holds("positive uplift in the top 10 %", uplift.share_of_positive_uplift(worth, 0.1))
    assert holds("positive uplift in the top 30 %", uplift.share_of_positive_uplift(worth, 0.3))
    alike = np.tile(worth.mean(axis=0), (100, 1))
    assert not holds("positive uplift in the top 10 %", uplift.share_of_positive_uplift(alike, 0.1))


def test_a_nudge_moves_activity_by_a_few_percent_and_the_strongest_offer_by_tens() -> None:
    env = CohortEnv(1)
    active = dict(zip(env.arm_names[1:], uplift.relative_effects(expected_week()["active"]), strict=True))
    assert holds("relative effect of a nudge", active["nudge"])
    assert holds("relative effect of an offer", active["bonus_20"])
    assert not holds("relative effect of an offer", active["nudge"])


def newcomers_abusers(bonus_usd: float) -> float:
    """Share of abusers among those who join while everybody is offered a bonus of this size."""
    world = {
        "mechanisms": {"attraction": {"share_per_usd": 0.002, "highest_share": 0.08}},
        "arms": {"bonus_20": {"bonus_usd": bonus_usd}},
        "sources": {"mechanisms.attraction": "assumed"},
    }
    env = CohortEnv(USERS, scenario=world, population="open", weeks=13)
    env.reset(seed=6)
    arm = np.full(USERS, env.arm_names.index("bonus_20"))
    kinds, joined = [], []
    for _ in range(12):
        *_, info = env.step(arm)
        kinds.append(env.traits.fraud_type)
        joined.append(info["is_new"])
    return fraud.abuser_share(np.concatenate(kinds), np.concatenate(joined))


def test_larger_bonuses_bring_more_abusers_among_newcomers() -> None:
    shares = [newcomers_abusers(usd) for usd in (0.0, 10.0, 20.0)]
    assert shares[0] < shares[1] < shares[2]
    assert holds("abusers among newcomers at $10", shares[1])
    assert not holds("abusers among newcomers at $10", fraud.abuser_share(np.zeros(100, np.int8), np.ones(100, bool)))


def months_late() -> Floats:
    """(m, n) whether borrowers who are left alone were late, by month of four weeks."""
    env = CohortEnv(USERS, "pre_delinquency", weeks=52)
    env.reset(seed=12)
    late_weeks = live(env, 52, ("late",)).stayers.column("late")
    out: Floats = late_weeks.reshape(13, 4, -1).max(axis=1)
    return out


def test_lateness_fades_slowly_and_is_cured_the_less_the_longer_it_lasts() -> None:
    borrowers = months_late()
    correlations = late.late_correlations(borrowers)
    assert [holds(f"late, lag {g}", r) for g, r in enumerate(correlations, 1)] == [True] * 5
    cures = np.array([late.cure_after(borrowers, m) for m in (1, 2, 3)])
    assert holds("cure after 1 late month", cures[0])
    assert [holds(f"cure after {m} late months", cures[m - 1]) for m in (2, 3)] == [True] * 2
    assert late.falls_strictly(cures)
    memoryless = np.cumprod(np.full(5, correlations[0]))  # what a chain without durations or lasting stress would show
    assert not holds("late, lag 5", memoryless[4])


def predicted_dogs(*, mix: tuple[float, ...], effect: float) -> float:
    """Effect of a nudge, in standard errors, on the tenth that a model of the other fold expects it to harm most."""
    effects = {"activity_logit": [0.15, 0.04, 0.0, effect]}
    world = {"population": {"archetype": {"mix": list(mix), "sharpness": 2.0}}, "arms": {"nudge": {"effects": effects}}}
    env = CohortEnv(USERS, scenario=world)
    obs, info = env.reset(seed=8)
    rng = np.random.default_rng(0)
    treated: Bools = rng.random(USERS) < 0.5
    env.step(treated.astype(np.int64))
    active = env.truth.ledger()["active"].astype(np.float64)
    folds = info["user_id"] % 2
    expected = cross_fit(obs.astype(np.float64), treated.astype(np.int64), active, folds, 2)
    worst = np.argsort(expected[:, 1] - expected[:, 0])[: USERS // 10]
    return uplift.effect_in_standard_errors(active[worst], treated[worst])


def test_predicted_sleeping_dogs_show_no_harm_where_there_are_none_and_harm_where_there_are_many() -> None:
    assert predicted_dogs(mix=(0.3, 0.45, 0.25, 0.0), effect=-1.5) > -3.7  # luck alone falls below once in 10,000
    assert predicted_dogs(mix=(0.2, 0.2, 0.2, 0.4), effect=-1.5) < -3.7


@pytest.mark.parametrize("fact", sorted(ACCEPTED))
def test_a_range_is_no_accident_and_never_accepts_what_is_not_a_number(fact: str) -> None:
    accepted = ACCEPTED[fact]
    assert accepted.low < accepted.high
    assert accepted.source
    assert not accepted.holds(float("nan"))
