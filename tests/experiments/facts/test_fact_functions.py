"""Facts on arrays small enough to work out by hand, and the laws that their definitions imply."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.facts import activity, fraud, late, networks, spending, uplift
from experiments.facts.panel import Floats, Panel
from rage_env import scenario
from rage_env.errors import LogError


def test_shares_and_gini_are_as_counted_by_hand() -> None:
    amount = np.array([1.0, 1.0, 2.0, 6.0])
    assert spending.top_share(amount, 0.25) == pytest.approx(0.6)
    assert spending.gini(amount) == pytest.approx(2 * (1 + 2 + 6 + 24) / 40 - 5 / 4)
    assert spending.gini(np.ones(7)) == pytest.approx(0)


def test_spread_between_and_within_people_is_told_apart() -> None:
    rng = np.random.default_rng(3)
    level, week = rng.normal(2.0, 0.7, 4_000), rng.normal(0.0, 0.9, (12, 4_000))
    found = spending.log_spend(np.exp(level + week) * (rng.random((12, 4_000)) < 0.5))
    assert found.between_sd == pytest.approx(0.7, abs=0.04)
    assert found.within_sd == pytest.approx(0.9, abs=0.02)
    assert found.sd == pytest.approx(np.hypot(0.7, 0.9), abs=0.04)  # forgetting the people would call all of it within
    assert found.skew == pytest.approx(0, abs=0.1)


def test_the_beta_law_of_activity_is_found_and_chance_alone_is_no_difference() -> None:
    rng = np.random.default_rng(5)
    rate = rng.beta(1.1, 0.9, 20_000)
    found = activity.beta_mixing((rng.random((52, 20_000)) < rate).astype(np.float64))
    assert found == pytest.approx((1.1, 0.9), abs=0.06)
    same = activity.beta_mixing(np.tile(np.array([[1.0, 0.0], [0.0, 1.0]]), (5, 3)))
    assert np.isnan(same.a)


def test_survival_counts_those_of_the_first_week_only() -> None:
    present = np.array([[1, 1, 1, 1, 0], [1, 1, 1, 0, 1], [1, 1, 0, 0, 1]], np.bool_)
    np.testing.assert_allclose(activity.survival(present), [1.0, 0.75, 0.5])


def test_fraud_facts_are_as_counted_by_hand() -> None:
    loss = np.array([[0.0, 0.0, 10.0], [0.0, 0.0, 30.0], [0.0, 60.0, 0.0]])
    gmv = np.full((3, 3), 100.0)
    assert fraud.loss_bps(loss, gmv) == pytest.approx(1e4 * 100 / 900)
    assert fraud.affected_share(loss) == pytest.approx(2 / 3)
    assert fraud.top_tenth_of_loss(loss) == pytest.approx(0.6)
    assert fraud.amounts_against_honest(loss, gmv) == pytest.approx((100 / 3 / 100, 0.3))
    assert fraud.first_party_share(loss, np.array([0, 2, 3], np.int8)) == pytest.approx(0.6)
    assert fraud.abuser_share(np.array([0, 1, 1, 3], np.int8), np.array([1, 1, 0, 1], np.bool_)) == pytest.approx(1 / 3)


counts = st.lists(st.integers(10**4, 10**6), min_size=6, max_size=6).map(lambda held: np.array(held, np.float64))


@given(fraud_reports=counts, disputes=counts, chargebacks=counts, settled=counts)
def test_one_network_s_ratio_follows_from_the_other_s_exactly(
    fraud_reports: Floats,
    disputes: Floats,
    chargebacks: Floats,
    settled: Floats,
) -> None:
    growth = settled[1:] / settled[:-1] - 1
    share = (chargebacks / (fraud_reports + disputes))[1:]
    implied = (1 + growth) * share * networks.vamp(fraud_reports, disputes, settled)[1:]
    np.testing.assert_allclose(networks.ecp(chargebacks, settled), implied, rtol=1e-12)


def test_charge_backs_go_on_rising_for_a_month_after_growth_has_stopped() -> None:
    law = scenario.load("fintech").delay_laws["chargebacks"]
    weekly = 1e6 * 1.02 ** np.minimum(np.arange(72), 47)  # growth of 2 % a week that stops after a year of months
    chargebacks = networks.known_by_month(0.001 * weekly, law.reported_share)
    ratio = networks.ecp(chargebacks, networks.by_month(weekly))
    stop = 12  # place among ratios of the first month that is no larger than the one before it
    np.testing.assert_allclose(ratio[8 : stop - 1], ratio[8], rtol=1e-9)
    assert ratio[stop] > 1.01 * ratio[stop - 2]
    assert ratio[stop + 1] > 1.01 * ratio[stop]
    at_once = networks.ecp(networks.by_month(0.001 * weekly), networks.by_month(weekly))
    assert at_once[stop] < at_once[stop - 2]  # without a delay the ratio falls when growth stops


def test_an_unfinished_month_is_left_out() -> None:
    np.testing.assert_allclose(networks.by_month(np.arange(10.0)), [6.0, 22.0])


def test_cure_counts_only_runs_of_exactly_that_length_that_began_in_sight() -> None:
    late_months = np.array([[0, 1, 0, 1, 1, 0, 1, 1, 1, 0], [1, 0, 0, 1, 0, 0, 0, 0, 0, 0]], np.float64).T
    assert late.cure_after(late_months, 1) == pytest.approx(2 / 4)
    assert late.cure_after(late_months, 2) == pytest.approx(1 / 2)
    assert late.cure_after(late_months, 3) == pytest.approx(1.0)
    assert late.current_to_late(late_months) == pytest.approx(4 / 10)
    assert np.isnan(late.cure_after(np.zeros((4, 2)), 1))


def test_lateness_that_depends_on_how_long_it_lasted_shows_in_falling_cure() -> None:
    rng = np.random.default_rng(2)
    cure = np.array([0.40, 0.20, 0.15])
    state, months = np.zeros(30_000, np.int64), []
    for _ in range(24):
        chance = np.where(state == 0, 0.05, 1 - cure[np.clip(state, 1, 3) - 1])
        state = np.where(rng.random(len(state)) < chance, state + 1, 0)
        months.append(state > 0)
    lived = np.stack(months).astype(np.float64)
    found = np.array([late.cure_after(lived, m) for m in (1, 2, 3)])
    np.testing.assert_allclose(found, cure, atol=0.03)
    assert late.falls_strictly(found)
    assert not late.falls_strictly(np.array([0.4, 0.4, 0.1]))
    correlations = late.late_correlations(lived)
    assert late.falls_strictly(correlations)
    assert correlations[0] > 0.6


def test_uplift_facts_are_as_counted_by_hand() -> None:
    value = np.array([[1.0, 5.0], [1.0, 2.0], [1.0, 0.0], [1.0, 1.0]])
    assert uplift.share_of_positive_uplift(value, 0.25) == pytest.approx(0.8)
    np.testing.assert_allclose(uplift.relative_effects(value), [1.0])
    outcome, treated = np.array([1.0, 3.0, 0.0, 2.0]), np.array([True, True, False, False])
    assert uplift.effect_in_standard_errors(outcome, treated) == pytest.approx(1.0)


def test_a_panel_names_the_column_it_lacks() -> None:
    ones = np.ones((2, 3))
    panel = Panel(ones, ones, ones > 0, {"disputes": ones})
    with pytest.raises(LogError, match=r"no column 'dispute' was kept: did you mean 'disputes'\?"):
        panel.column("dispute")
    assert panel.of(np.array([0, 2])).users == 2
