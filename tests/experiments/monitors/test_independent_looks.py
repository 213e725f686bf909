"""Looks that hang together are combined into some that do not, whatever made them hang together."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from experiments.monitors.independent import made_independent
from experiments.monitors.mixture import off_scale

Floats = NDArray[np.float64]


def wandering(rng: np.random.Generator, reps: int, looks: int, n: int) -> Floats:
    """(reps, looks, n) running means of weeks that are each user's random walk."""
    weeks = rng.normal(size=(reps, looks, n)).cumsum(axis=1)
    return np.asarray(weeks.cumsum(axis=1) / np.arange(1, looks + 1)[:, None], np.float64)


def covariance_of(means: Floats) -> Floats:
    off = means - means.mean(axis=-1, keepdims=True)
    return np.asarray(off @ np.swapaxes(off, -1, -2) / means.shape[-1] ** 2, np.float64)


def test_the_combination_is_the_weighted_mean_that_varies_least() -> None:
    rng = np.random.default_rng(1)
    estimate, root = rng.normal(size=5), rng.normal(size=(5, 5))
    covariance = root @ root.T + np.eye(5)
    found = made_independent(estimate, covariance, np.array(1e12))
    for looks in range(1, 6):
        solved = np.linalg.solve(covariance[:looks, :looks], np.ones(looks))
        assert found.estimate[looks - 1] == pytest.approx(solved @ estimate[:looks] / solved.sum())
        assert found.stderr[looks - 1] == pytest.approx(solved.sum() ** -0.5)


def test_combined_looks_correlate_as_their_information_says_and_the_looks_themselves_do_not() -> None:
    """5,000 paths: a correlation is off by .06 through luck less than once in 1e4 for each of 15 pairs."""
    means = wandering(np.random.default_rng(2), 5_000, 6, 400)
    found = made_independent(means.mean(axis=-1), covariance_of(means), np.full(5_000, 399.0))
    information = found.stderr.mean(axis=0) ** -2
    expected = np.sqrt(np.minimum(information, information[:, None]) / np.maximum(information, information[:, None]))
    assert np.abs(np.corrcoef(found.estimate.T) - expected).max() < 0.06
    plain = covariance_of(means).mean(axis=0)
    sd = np.sqrt(np.diag(plain))
    row = plain[-1, :-1] / (sd[-1] * sd[:-1])
    assert off_scale(row, sd[-1] / sd[:-1], 400).max() > 0.05


def test_weights_that_were_estimated_are_paid_for() -> None:
    """30 users, 12 looks: z without what weights cost is too wide by half, with it by at most a tenth."""
    means = wandering(np.random.default_rng(3), 4_000, 12, 30)
    covariance = covariance_of(means) * 30 / 29
    paid = made_independent(means.mean(axis=-1), covariance, np.full(4_000, 29.0))
    free = made_independent(means.mean(axis=-1), covariance, np.full(4_000, 1e12))
    assert (paid.estimate / paid.stderr)[:, -1].std() < 1.1 * np.sqrt(paid.freedom[0, -1] / (paid.freedom[0, -1] - 2))
    assert (free.estimate / free.stderr)[:, -1].std() > 1.3


def test_a_look_that_adds_nothing_changes_nothing() -> None:
    rng = np.random.default_rng(4)
    means = wandering(rng, 1, 3, 50)
    again = np.concatenate([means, 0.5 * means[:, -1:]], axis=1)  # everybody has left: totals stand still
    found = made_independent(again.mean(axis=-1), covariance_of(again), np.array([49.0]))
    assert found.estimate[0, 3] == found.estimate[0, 2]
    assert found.freedom[0, 3] == found.freedom[0, 2]
