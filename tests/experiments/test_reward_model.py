"""Cross-fitting: no row may teach the model that scores it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from experiments.reward_model import Kind, cross_fit, features_of, folds_of
from rage_env.errors import LogError

N, K = 2_000, 3


@pytest.mark.parametrize("kind", ["ridge", "trees"])
def test_a_model_never_sees_the_rows_it_scores(kind: Kind) -> None:
    rng = np.random.default_rng(0)
    x, arm, y = rng.normal(size=(N, 2)), rng.integers(0, K, N), rng.normal(size=N)
    folds = rng.integers(0, 2, N)
    before = cross_fit(x, arm, y, folds, K, kind=kind)
    after = cross_fit(x, arm, np.where(folds == 0, 1e6, y), folds, K, kind=kind)
    np.testing.assert_array_equal(before[folds == 0], after[folds == 0])
    assert (before[folds == 1] != after[folds == 1]).any()


@pytest.mark.parametrize("kind", ["ridge", "trees"])
def test_what_an_arm_does_for_whom_is_learned(kind: Kind) -> None:
    rng = np.random.default_rng(1)
    x, arm = rng.normal(size=(8_000, 2)), rng.integers(0, K, 8_000)
    mean = 1.0 + x[:, :1] * np.array([0.0, 1.0, -1.0]) + x[:, 1:]
    y = mean[np.arange(8_000), arm] + rng.normal(size=8_000)
    q = cross_fit(x, arm, y, folds_of(pa.chunked_array([np.arange(8_000)])), K, kind=kind)
    assert q.dtype == np.float32
    assert np.corrcoef(q.ravel(), mean.ravel())[0, 1] > 0.95


@pytest.mark.parametrize("kind", ["ridge", "trees"])
def test_an_arm_nobody_got_is_given_a_finite_guess(kind: Kind) -> None:
    rng = np.random.default_rng(2)
    q = cross_fit(rng.normal(size=(N, 1)), rng.integers(0, 2, N), np.full(N, 5.0), rng.integers(0, 2, N), K, kind=kind)
    np.testing.assert_allclose(q, 5.0, rtol=1e-5)


def test_without_features_the_model_is_the_arms_mean_in_the_other_fold() -> None:
    arm = np.tile([0, 1], N // 2)
    folds = (np.arange(N) % 4) // 2
    y = arm * 2.0 + folds
    q = cross_fit(np.empty((N, 0)), arm, y, folds, 2)
    np.testing.assert_allclose(q[folds == 0], [[1.0, 3.0]] * (N // 2), atol=0.03)
    np.testing.assert_allclose(q[folds == 1], [[0.0, 2.0]] * (N // 2), atol=0.03)


@pytest.mark.parametrize("labels", [np.arange(10_000) % 5_000, [f"u{i % 5_000}" for i in range(10_000)]])
def test_all_rows_of_a_user_share_a_fold_and_folds_are_even(labels: list[str]) -> None:
    folds = folds_of(pa.chunked_array([labels]), folds=4)
    np.testing.assert_array_equal(folds[:5_000], folds[5_000:])
    assert np.bincount(folds[:5_000]).min() > 1_250 - 4 * 31  # binomial standard deviation 31
    np.testing.assert_array_equal(folds, folds_of(pa.chunked_array([labels]), folds=4))


def test_one_user_cannot_be_cross_fitted() -> None:
    folds = folds_of(pa.chunked_array([[7] * 10]))
    with pytest.raises(LogError, match="all 10 rows fell into one fold"):
        cross_fit(np.ones((10, 1)), np.zeros(10, np.int64), np.ones(10), folds, 2)


def test_features_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(LogError, match="column x_city: features must be numbers"):
        features_of(pa.table({"x_city": ["a", "b"]}))


def test_numbers_that_overflow_the_model_are_told_by_their_size() -> None:
    rng = np.random.default_rng(6)
    x, arm, folds = rng.normal(size=(200, 1)), rng.integers(0, K, 200), np.arange(200) % 2
    with pytest.raises(LogError, match=r"reward model: numbers as large as 1e\+45 overflow it"):
        cross_fit(x, arm, np.full(200, 1e45), folds, K)
    assert np.isfinite(cross_fit(x, arm, np.full(200, 1e30), folds, K)).all()
