from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agents.beliefs.hazard import Hazard
from agents.beliefs.late import LateRidge, loss_rows
from agents.beliefs.rates import RatePrior, Rates
from rage_env.log import Reports
from rage_env.outcomes import DELAYED

SHARE = np.array([0.0, 0.25, 0.5, 1.0])


def _rates(tie: float = 1.0) -> Rates:
    """One arm, one stratum, a prior of one event of size 1 at a rate of 0.1."""
    return Rates(1, RatePrior(np.array([0.1]), np.array([1.0]), False, events=1.0, tie=tie), SHARE)


def _cells(n: int) -> NDArray[np.intp]:
    return np.zeros(n, np.intp)


def test_a_rate_is_the_poisson_gamma_mean_and_variance_worked_by_hand() -> None:
    # all settled: 10 units of exposure and 3 events of size 1. pool: (1 + 3) / (10 + 10) = .2;
    # cell, tied by one event to the pool: (1 + 3) / (1 / .2 + 10) = 4 / 15
    rates = _rates()
    rates.expose(0, _cells(10), np.ones(10))
    rates.observe(_cells(3), np.ones(3))
    mean, variance = rates.posterior(3)
    assert np.isclose(mean[0, 0], 4 / 15)
    # gamma variance (1 + 3) / 15^2, and the pool's own doubt (1 + 3) / 20^2 as far as the cell leans on it
    assert np.isclose(variance[0, 0], 4 / 15**2 + (5 / 15) ** 2 * 4 / 20**2)


def test_young_weeks_count_only_for_what_they_have_reported() -> None:
    rates = _rates()
    rates.expose(5, _cells(8), np.ones(8))
    seen = [float(rates.exposure(week)[0, 0]) for week in (5, 6, 7, 8, 30)]
    assert seen == [0.0, 2.0, 4.0, 8.0, 8.0]
    rates.expose(30, _cells(1), np.ones(1))
    assert float(rates.exposure(30)[0, 0]) == 8.0


def _bias(offset: bool) -> float:
    """Mean error of the rate over 200 worlds, in its standard error, reading reports early."""
    rng = np.random.default_rng(4)
    errors = []
    for _ in range(200):
        prior = RatePrior(np.array([0.05]), np.array([1.0]), False, events=0.1, tie=0.1)
        rates = Rates(1, prior, SHARE if offset else np.ones(4))
        for week in range(6):
            events = rng.poisson(0.05 * 2_000)
            told = rng.binomial(events, SHARE[min(5 - week, 3)])
            rates.expose(week, _cells(1), np.array([2_000.0]))
            rates.observe(_cells(told), np.ones(told))
        errors.append(rates.posterior(5)[0][0, 0] - 0.05)
    return float(np.mean(errors) / (np.std(errors) / np.sqrt(200)))


def test_late_reports_do_not_bias_a_rate_but_would_without_the_offset() -> None:
    assert abs(_bias(offset=True)) < 4.0
    assert _bias(offset=False) < -4.0


def test_uneven_amounts_widen_the_rate() -> None:
    even, uneven = _rates(), _rates()
    for rates, amounts in ((even, np.ones(100)), (uneven, np.array([50.0, 50.0]))):
        rates.expose(0, _cells(1), np.array([1_000.0]))
        rates.observe(_cells(len(amounts)), amounts)
    assert uneven.posterior(9)[1][0, 0] > 10 * even.posterior(9)[1][0, 0]


def test_arms_share_a_rate_only_where_they_are_said_to() -> None:
    def second_arm(across: bool) -> float:
        prior = RatePrior(np.array([0.1, 0.1]), np.ones(2), across, tie=50.0)
        rates = Rates(1, prior, np.ones(1))
        rates.expose(0, np.array([0, 1]), np.array([10_000.0, 1.0]))
        rates.observe(np.zeros(5_000, np.intp), np.ones(5_000))
        return float(rates.posterior(1)[0][1, 0])

    assert abs(second_arm(True) - 0.5) < 0.02
    assert abs(second_arm(False) - 0.1) < 0.05


def test_a_late_loss_is_found_from_a_fifth_of_its_reports() -> None:
    rng = np.random.default_rng(6)
    errors = []
    for _ in range(40):
        late = LateRidge(3, 2, 1.0, np.array([0.0, 0.2, 1.0]))
        z = rng.normal(size=(3_000, 2)).astype(np.float32)
        gmv = rng.gamma(2.0, 0.5, 3_000).astype(np.float32)
        late.add(0, np.arange(3_000), z, gmv)
        loss = 1.4 * gmv * (1.0 + 0.1 * z[:, 0])
        told = np.flatnonzero(rng.random(3_000) < 0.2)
        week = np.zeros(len(told), np.int32)
        code = np.full(len(told), DELAYED.index("loss_credit"), np.int8)
        late.hear(Reports(told.astype(np.int64), week, week + 1, code, loss[told].astype(np.float32)))
        belief = late.posterior(1)
        at = loss_rows(np.zeros((1, 2), np.float32), np.ones(1, np.float32))[0].astype(np.float64)
        errors.append((belief.mean @ at - 1.4) / np.sqrt(at @ belief.covariance @ at))
    assert abs(np.mean(errors)) < 4.0 / np.sqrt(40) + 0.3  # the prior, at 1.0, still weighs a little
    assert np.std(errors) < 1.5
    unread = LateRidge(3, 2, 1.0, np.ones(3))  # takes what is not yet told for no loss
    unread.add(0, np.arange(3_000), z, gmv)
    unread.hear(Reports(told.astype(np.int64), week, week + 1, code, loss[told].astype(np.float32)))
    assert unread.posterior(1).mean @ at < 0.5


def test_a_hazard_learned_in_batches_agrees_with_one_learned_at_once() -> None:
    rng = np.random.default_rng(7)
    x = np.concatenate([np.ones((8_000, 1)), rng.normal(size=(8_000, 1))], axis=1).astype(np.float32)
    y = (rng.random(8_000) < 1 / (1 + np.exp(3.0 - 0.8 * x[:, 1]))).astype(np.float32)
    whole, batches = (Hazard(np.array([0.01, 0.1])) for _ in range(2))
    whole.update(x, y, np.ones(8_000, np.float32))
    for part in np.array_split(np.arange(8_000), 8):
        batches.update(x[part], y[part], np.ones(len(part), np.float32))
    assert np.allclose(whole.mean, [-3.0, 0.8], atol=0.25)
    assert np.allclose(whole.mean, batches.mean, atol=0.1)
