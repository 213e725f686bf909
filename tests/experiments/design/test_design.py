"""What `rage monitor design` promises, held against the monitors themselves."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from experiments.design.baseline import Baseline, lived_baseline
from experiments.design.guardrail import Asked, UserWeeks, alarm_rows, assumed_user_weeks, certificate_rows
from experiments.design.lift import LiftDesign, lift_rows, lift_usd, weeks_needed
from experiments.monitors import monitor
from experiments.monitors.contrast import compared
from experiments.monitors.replications import group_sequential_paths
from experiments.monitors.streams import RatioStream
from rage_env.errors import ConfigError
from rage_env.scenario import load


def test_one_look_needs_the_users_of_the_textbook() -> None:
    row = lift_rows(LiftDesign(0.5, 100, looks=1, share=0.25), Baseline(1.0, 4.0, icc=1.0), [6])[0]
    by_hand = (norm.isf(0.025) + norm.isf(0.2)) ** 2 * 16 / 0.25 / (0.25 * 0.75)
    assert row.users == math.ceil(by_hand)
    assert row.treated == pytest.approx(by_hand / 4, abs=1)
    assert row.inflation == pytest.approx(1.0, abs=1e-6)
    assert row.expected_weeks == pytest.approx(6.0)


@pytest.mark.parametrize("correlation", [0.0, 0.6])
def test_a_test_of_the_designed_size_finds_the_lift_as_often_and_stops_as_early_as_designed(correlation: float) -> None:
    """1,500 replications of users half of whose variance lasts: 5 standard errors of .8 are .052."""
    base = Baseline(1.0, 2.0, icc=0.5, correlation=correlation)
    row = lift_rows(LiftDesign(0.45, 400), base, [8])[0]
    n, rng, reps = row.users_with_cuped, np.random.default_rng(0), 1_500
    own = rng.normal(size=(reps, 1, n)) * np.sqrt(2.0)
    arms = np.arange(n) % 2 == 0
    weekly = own + rng.normal(size=(reps, 8, n)) * np.sqrt(2.0) + 0.45 * arms
    noise = (base.icc * 4.0 / correlation) ** 2 / base.variance(8) - 2.0 if correlation else 0.0
    before = (own + rng.normal(size=own.shape) * math.sqrt(noise)) if correlation else None
    means = np.cumsum(weekly, axis=1) / np.arange(1, 9)[:, None]
    crossed = group_sequential_paths(means, compared(n, arms, before)).crossed
    assert crossed[:, -1].mean() == pytest.approx(0.8, abs=0.052)
    weeks = np.where(crossed[:, -1], crossed.argmax(axis=1) + 1, 8)
    assert weeks.mean() == pytest.approx(row.expected_weeks, abs=0.25)


@settings(max_examples=15, deadline=None)
@given(icc=st.floats(0.05, 0.95), users=st.integers(500, 50_000), lift=st.floats(0.05, 0.5))
def test_weeks_needed_are_the_least_that_do(icc: float, users: int, lift: float) -> None:
    base, design = Baseline(1.0, 3.0, icc=icc), LiftDesign(lift, users, looks=2)
    weeks = weeks_needed(design, base)
    if weeks is None:
        assert lift_rows(design, base, [104])[0].users > users
        return
    assert lift_rows(design, base, [weeks])[0].users <= users
    assert weeks == 1 or lift_rows(design, base, [weeks - 1])[0].users > users


@pytest.mark.parametrize("kind", ["alarm", "certificate"])
def test_guardrail_monitors_speak_when_the_design_says(kind: str) -> None:
    """300 runs of the monitor itself on users drawn one by one: 5 standard errors of a half are .144."""
    seen, users, reps = assumed_user_weeks(100.0, 50.0, 200.0), 250, 300
    asked = Asked(limit=0.02, cap=400.0, weeks=60, max_loss_usd=200.0)
    truth = 0.04 if kind == "alarm" else 0.008
    row = (alarm_rows if kind == "alarm" else certificate_rows)(seen, asked, truth, [users])[0]
    assert row.median_weeks is not None
    assert row.power_weeks is not None
    rng, shape = np.random.default_rng(1), (reps, row.power_weeks, users)
    struck = rng.random(shape) < truth / seen.rate(400.0) * 0.01
    loss = np.where(struck, rng.choice(seen.loss[seen.loss > 0], shape), 0.0)
    stream = RatioStream("the designed truth", loss, rng.choice(seen.size, shape), 0.02, 400.0, 200.0)
    params = {"limit": 0.02, "cap_usd": 400.0}
    extra = {"ages": [0]} if kind == "alarm" else {"max_loss_usd": 200.0, "mature_age_weeks": 0}
    stopped = (
        monitor(f"ratio_{'betting' if kind == 'alarm' else kind}", **params, **extra).replicate(stream).mean(axis=0)
    )
    assert stopped[row.median_weeks - 1] >= 0.5 - 0.144
    assert row.median_weeks == 1 or stopped[row.median_weeks - 2] <= 0.5 + 0.144
    assert stopped[row.power_weeks - 1] >= 0.8 - 0.116


def test_losses_reported_late_delay_an_alarm_and_a_certificate_waits_for_all_of_them() -> None:
    quick = assumed_user_weeks(100.0, 50.0, 200.0)
    slow = UserWeeks(quick.loss, quick.size, {2: 0.3, 8: 1.0}, mature_age_weeks=12)
    asked = Asked(limit=0.02, cap=400.0, max_loss_usd=200.0)
    at_once, late = (alarm_rows(seen, asked, 0.04, [2_000])[0] for seen in (quick, slow))
    assert (late.median_weeks or 0) > (at_once.median_weeks or 0)
    assert certificate_rows(slow, asked, 0.01, [2_000])[0].age_weeks == 12


def test_more_users_need_fewer_weeks_and_a_narrower_margin_more() -> None:
    seen, asked = assumed_user_weeks(100.0, 50.0, 200.0), Asked(limit=0.02, cap=400.0)
    few, many = alarm_rows(seen, asked, 0.04, [200, 2_000])
    assert (many.median_weeks or 99) < (few.median_weeks or 0)
    hopeless = alarm_rows(seen, asked, 0.0201, [2])[0]
    assert (hopeless.median_weeks, hopeless.power_weeks) == (None, None)
    narrow = alarm_rows(seen, asked, 0.026, [2_000])[0]
    assert (narrow.median_weeks or 99) > (many.median_weeks or 0)


def test_a_worlds_baseline_is_measured_and_says_how_much_of_its_spread_lasts() -> None:
    lived = lived_baseline(load("fintech", []), 2_000, seed=1)
    base = lived.baseline
    assert 0 < base.icc < 1
    assert 0 < base.correlation < 1
    assert base.variance(8) < base.variance(1)
    assert base.left_by_cuped(8) == pytest.approx(1 - base.correlation**2)
    assert lived.columns["gmv"].shape == (16_000,)
    assert lived.reported_share["loss_fraud"][-1] == pytest.approx(1.0)


def test_lifts_are_read_as_dollars_or_as_a_share_of_the_mean() -> None:
    assert lift_usd("0.2", None) == 0.2
    assert lift_usd("5%", 4.0) == pytest.approx(0.2)
    for text, mean, said in (("5%", None, "give --mean"), ("much", 1.0, "lift: must be"), ("-1", 1.0, "above 0")):
        with pytest.raises(ConfigError, match=said):
            lift_usd(text, mean)
    with pytest.raises(ConfigError, match=r"correlation: 0\.9 over 8 weeks is more than icc"):
        Baseline(1.0, 1.0, icc=0.1, correlation=0.9)
