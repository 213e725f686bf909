"""Values, gains and their intervals."""

from __future__ import annotations

import math

import numpy as np
import pytest

from experiments.metrics import Mean, UserTotals, across_seeds, paired, per_active, pooled, skewness
from rage_env.outcomes import COLUMNS


def test_a_week_is_worth_its_revenue_less_every_cost_and_everybody_lost() -> None:
    ledger = {c: np.zeros(4, np.float32) for c in COLUMNS}
    ledger["revenue_gross"][:] = [10, 4, 0, 0]
    ledger["loss_fraud"][1] = 6
    ledger["bonus_cost"][0] = 1
    ledger["churned"][2] = 1
    ledger["active"][:2] = 1
    totals = UserTotals(4, 80.0)
    worth, net, per_user = totals.add(ledger)
    assert (worth, net, per_user) == ((9 - 2 - 80) / 4, 7 / 4, 3.5)
    assert totals.value.tolist() == [9, -2, -80, 0]


def test_the_paired_gain_is_the_mean_difference_a_week_with_the_users_spread() -> None:
    gain = paired(np.array([4.0, 8.0, 0.0]), np.array([0.0, 2.0, 2.0]), weeks=2)
    assert gain.value == pytest.approx(4 / 3)
    assert gain.stderr == pytest.approx(np.std([2, 3, -1], ddof=1) / math.sqrt(3))


def test_the_paired_interval_covers_the_truth_as_often_as_it_says_and_user_weeks_do_not() -> None:
    """At 95 % of 600, luck leaves [.915, .985] in about 1e-4 of seeds; the control treats user-weeks as independent."""
    rng = np.random.default_rng(11)
    reps, n, weeks, truth = 600, 400, 6, 0.3
    person = rng.normal(truth, 1.0, (reps, n, 1))  # an effect each user keeps for all weeks
    weekly = person + rng.normal(0, 1.0, (reps, n, weeks))
    base = rng.normal(0, 3.0, (reps, n))
    gains = [paired(base[r] + weekly[r].sum(axis=1), base[r], weeks) for r in range(reps)]
    covered = np.mean([g.lower <= truth <= g.upper for g in gains])
    assert 0.915 <= covered <= 0.985
    loose = [paired(w.ravel(), np.zeros(n * weeks), 1) for w in weekly]
    assert np.mean([g.lower <= truth <= g.upper for g in loose]) < 0.85


def test_intervals_of_gains_with_rare_losses_fail_more_often_than_they_say_and_skewness_tells() -> None:
    """One user in 1,000 loses 500: at 95 %, luck lets 600 samples of 2,000 cover .91 less than once in 1e4."""
    rng = np.random.default_rng(5)
    nobody = np.zeros(2_000)
    samples = [rng.normal(1.0, 1.0, 2_000) - 500.0 * (rng.uniform(size=2_000) < 1e-3) for _ in range(600)]
    gains = [paired(x, nobody, 1) for x in samples]
    assert np.mean([g.lower <= 0.5 <= g.upper for g in gains]) < 0.91
    assert np.mean([355 * skewness(x, nobody) ** 2 > 2_000 for x in samples]) > 0.8
    even = [rng.normal(1.0, 1.0, 2_000) for _ in range(600)]
    assert np.mean([355 * skewness(x, nobody) ** 2 > 2_000 for x in even]) == 0
    assert skewness(nobody, nobody) == 0


def test_nrpau_is_a_ratio_of_totals_and_its_interval_that_of_a_ratio() -> None:
    rng = np.random.default_rng(2)
    active = rng.integers(0, 20, 2_000).astype(float)
    net = 2.5 * active  # no spread around the ratio, much spread in both totals
    held = per_active(net, active)
    assert held.value == pytest.approx(2.5)
    assert held.stderr == pytest.approx(0, abs=1e-12)
    assert math.isnan(per_active(np.zeros(5), np.zeros(5)).value)


def test_seeds_are_pooled_as_independent_populations() -> None:
    held = pooled([Mean(1.0, 0.3), Mean(3.0, 0.4)])
    assert held.value == 2.0
    assert held.stderr == pytest.approx(0.25)


def test_below_five_seeds_nothing_is_claimed_about_seeds_at_large() -> None:
    assert all(math.isnan(x) for x in across_seeds([1.0, 2.0, 3.0, 4.0]))
    lower, upper = across_seeds([1.0, 2.0, 3.0, 4.0, 5.0])
    assert lower == pytest.approx(3 - 2.7764 * math.sqrt(2.5 / 5), abs=1e-3)
    assert upper == pytest.approx(6 - lower)
