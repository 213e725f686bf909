"""Rare cases: found at their true rate although most are still to be reported; rates, doubt and state."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from agents.safe.cases import Cases, SizePrior
from rage_env.log import Reports, WeekLog
from rage_env.outcomes import DELAYED, IMMEDIATE

SHARE = np.array([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
PRIOR = SizePrior(50.0, 1.0, 1.0)


def told(share: NDArray[np.float64], weeks: int = 8, n: int = 4_000, rate: float = 0.004, seed: int = 3) -> Cases:
    """Weeks in which feature 0 doubles the rate for each unit; what happens late is reported by SHARE."""
    rng = np.random.default_rng(seed)
    cases = Cases(("loss_fraud",), {"loss_fraud": share}, (2,), 2)
    late: list[tuple[int, Reports]] = []
    for week in range(weeks):
        x = rng.normal(size=(n, 2)).astype(np.float32)
        arm = np.where(rng.random(n) < 0.1, 2, 0)
        columns = {c: np.zeros(n, np.float32) for c in IMMEDIATE}
        columns["active"][:] = 1
        ones = np.ones(n, np.float32)
        cases.add(WeekLog(week, np.arange(n), np.arange(n), ones > 0, arm, ones, x, columns), 3)
        hit = np.flatnonzero(rng.random(n) < rate * np.exp2(x[:, 0]) * np.where(arm == 2, 3.0, 1.0))
        delay = np.searchsorted(SHARE, rng.random(len(hit)))
        for d in range(len(SHARE)):
            mine = hit[delay == d]
            when, amount = np.full(len(mine), week, np.int32), np.full(len(mine), 50.0, np.float32)
            late.append(
                (
                    week + d,
                    Reports(mine, when, when + d, np.full(len(mine), DELAYED.index("loss_fraud"), np.int8), amount),
                )
            )
        cases.hear(Reports.concat([r for w, r in late if w == week]))
    return cases


def total(cases: Cases) -> tuple[float, float]:
    """Believed cases of a user-week with average features, and the sd of its logarithm."""
    belief = cases.posterior("loss_fraud", lambda x: x, 7, PRIOR)
    return float(belief.rate(np.zeros((1, 2), np.float32))[0]), float(np.sqrt(belief.covariance[0, 0]))


def test_the_rate_is_found_although_most_cases_are_still_to_come() -> None:
    rate, sd = total(told(SHARE))
    # About 80 known cases: within four posterior sds but for luck once in 1e4.
    assert abs(np.log(rate / 0.004)) < 4 * sd
    assert 0.08 < sd < 0.25
    hasty, sd = total(told(np.ones(6)))  # known-wrong: takes what is known for all there is
    assert np.log(hasty / 0.004) < -2 * sd


def test_cases_under_an_arm_of_open_ended_loss_are_counted_apart() -> None:
    belief = told(SHARE, weeks=8, n=12_000).posterior("loss_fraud", lambda x: x, 7, PRIOR)
    mean, variance = belief.excess[2]
    truth = 2 * 0.004 * np.exp(np.log(2) ** 2 / 2) * 50.0  # twice the usual rate beyond it, $50 each
    assert abs(mean - truth) < 4 * np.sqrt(variance)
    assert mean > 2 * np.sqrt(variance)


def test_a_declared_loss_sets_the_size_until_cases_are_seen() -> None:
    empty = Cases(("loss_fraud",), {"loss_fraud": SHARE}, (), 2)
    belief = empty.posterior("loss_fraud", lambda x: x, 0, SizePrior(50.0, 20.0, 2.0))
    assert belief.size == pytest.approx(50.0)
    assert belief.size_variance == pytest.approx(2.0 * 50.0**2 / 20.0)


def test_the_gradient_of_a_total_is_what_a_small_step_shows() -> None:
    belief = told(SHARE).posterior("loss_fraud", lambda x: x, 7, PRIOR)
    z = np.array([[0.5, -1.0], [2.0, 0.3]], np.float32)
    each, slope = belief.rows(z)
    step = 1e-6
    for j in range(len(belief.theta)):
        moved = belief.theta.copy()
        moved[j] += step
        other = type(belief)(moved, belief.covariance, belief.size, belief.size_variance, belief.excess)
        assert np.allclose((other.rows(z)[0] - each) / step, slope[:, j], rtol=1e-3, atol=1e-6)


def test_what_is_remembered_survives_saving() -> None:
    cases = told(SHARE, weeks=3)
    again = Cases(("loss_fraud",), {"loss_fraud": SHARE}, (2,), 2)
    again.restore({k: np.array(v) for k, v in cases.arrays().items()})
    assert total(cases) == total(again)


def test_a_history_is_dated_before_the_run_and_what_it_left_open_is_dropped() -> None:
    cases = told(SHARE)
    cases.begin_run(last_week=7, burn_in_weeks=4)
    assert set(cases.under) == {-12, -11, -10}  # weeks 0, 1 and 2 of eight: five more were still reported on
    assert cases.sample.week.max() == -10
    belief = cases.posterior("loss_fraud", lambda x: x, -5, PRIOR)
    rate, sd = float(belief.rate(np.zeros((1, 2), np.float32))[0]), float(np.sqrt(belief.covariance[0, 0]))
    assert abs(np.log(rate / 0.004)) < 4 * sd
