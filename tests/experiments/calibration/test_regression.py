"""Regression adjustment finds posteriors that are known exactly, and rejection alone does not."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.calibration.regression import Posterior, adjust
from experiments.facts.panel import Floats

M = 2_000


def linear(seed: int) -> tuple[Floats, Floats]:
    """Two parameters in a box and three moments: sums of them with noise of sd .2, .2 and .5."""
    rng = np.random.default_rng(seed)
    theta = rng.uniform(-2, 2, (M, 2))
    mixing = np.array([[1.0, 0.5, 0.0], [0.0, 1.0, 1.0]])
    return theta, theta @ mixing + rng.normal(0, [0.2, 0.2, 0.5], (M, 3))


def exact(observed: Floats) -> tuple[Floats, Floats]:
    """Mean and sd of the Gaussian posterior under a flat prior."""
    mixing = np.array([[1.0, 0.5, 0.0], [0.0, 1.0, 1.0]])
    precision = np.diag(1 / np.array([0.2, 0.2, 0.5]) ** 2)
    covariance = np.linalg.inv(mixing @ precision @ mixing.T)
    return covariance @ mixing @ precision @ observed, np.sqrt(np.diag(covariance))


def test_a_posterior_known_in_closed_form_is_found() -> None:
    observed = np.array([0.3, 0.4, 0.1])
    found, (mean, sd) = adjust(*linear(1), observed), exact(observed)
    np.testing.assert_allclose(found.mean, mean, atol=0.04)
    np.testing.assert_allclose(found.sd, sd, rtol=0.12)
    np.testing.assert_allclose(found.quantile(0.975) - found.quantile(0.025), 3.92 * sd, rtol=0.15)


def test_rejection_without_the_regression_is_far_too_wide() -> None:
    observed = np.array([0.3, 0.4, 0.1])
    _, sd = exact(observed)
    assert (adjust(*linear(1), observed, regress=False).sd > 3 * sd).all()


def test_a_moment_given_twice_changes_nothing_and_a_constant_one_does_no_harm() -> None:
    theta, moments = linear(2)
    observed = np.array([0.3, 0.4, 0.1])
    weight_of_all = adjust(theta, moments, observed, keep=1.0)
    again = np.column_stack([moments, moments, np.ones(M)])
    twice = adjust(theta, again, np.concatenate([observed, observed, [1.0]]), keep=1.0)
    np.testing.assert_allclose(twice.sd, weight_of_all.sd, rtol=1e-6)


def test_with_few_draws_intervals_still_cover_as_often_as_they_say() -> None:
    rng = np.random.default_rng(4)
    mixing = rng.normal(size=(3, 16))
    covered, forgetful = [], []
    for _ in range(150):
        theta = rng.uniform(-1, 1, (60, 3))
        moments = theta @ mixing + rng.normal(0, 1.0, (60, 16))
        found = adjust(theta[1:], moments[1:], moments[0], keep=1.0)
        low, high = found.quantile(0.025), found.quantile(0.975)
        covered.append((low <= theta[0]) & (theta[0] <= high))
        line = np.linalg.lstsq(np.column_stack([np.ones(59), moments[1:]]), theta[1:])[0]
        plain = theta[1:] - np.column_stack([np.zeros(59), moments[1:] - moments[0]]) @ line
        forgetful.append(
            np.all(
                [np.quantile(plain, 0.025, axis=0) <= theta[0], theta[0] <= np.quantile(plain, 0.975, axis=0)], axis=0
            )
        )
    assert 0.915 <= np.mean(covered) <= 0.985
    assert np.mean(forgetful) < 0.915  # residuals of a line that saw the draw are too small


def test_ranks_and_quantiles_are_as_counted_by_hand() -> None:
    held = Posterior(np.array([[1.0], [2.0], [3.0], [4.0]]), np.array([0.1, 0.2, 0.3, 0.4]))
    assert held.mean == pytest.approx([3.0])
    assert held.sd == pytest.approx([1.0])
    assert held.rank(np.array([2.5])) == pytest.approx([0.3])
    assert held.quantile(0.45) == pytest.approx([3.0])
    drawn = held.resampled(4_000, np.random.default_rng(0))
    assert drawn.mean() == pytest.approx(3.0, abs=0.08)
