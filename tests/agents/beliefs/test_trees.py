from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from agents.beliefs.trees import Forest, Growth, grow
from rage_env.errors import LogError

Rows = NDArray[np.float32]


def _data(rows: int = 3_000) -> tuple[Rows, NDArray[np.float64]]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 6)).astype(np.float32)
    x[:, 3] = np.round(x[:, 3])  # many ties, thresholds that fall on values
    return x, np.sin(2 * x[:, 0]) + x[:, 1] * (x[:, 3] > 0) + 0.1 * rng.normal(size=rows)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    with threadpool_limits(limits=1):
        yield


@pytest.mark.parametrize("leaves", [2, 15, 16, 17, 32, 33, 64])
def test_the_arrays_predict_what_scikit_learn_predicts(leaves: int) -> None:
    x, y = _data()
    growth = Growth(trees=25, leaves=leaves, least_rows=5)
    theirs = HistGradientBoostingRegressor(
        max_iter=25,
        max_leaf_nodes=leaves,
        min_samples_leaf=5,
        l2_regularization=10.0,
        max_bins=63,
        early_stopping=False,
    ).fit(x, y)
    assert np.allclose(grow(x, y, growth).predict(x), theirs.predict(x), rtol=0, atol=1e-12)
    event = (y > 0.5).astype(np.float64)
    voting = HistGradientBoostingClassifier(
        max_iter=25,
        max_leaf_nodes=leaves,
        min_samples_leaf=5,
        l2_regularization=10.0,
        max_bins=63,
        early_stopping=False,
    ).fit(x, event)
    mine = grow(x, event, growth, yes_or_no=True).probability(x)
    assert np.allclose(mine, voting.predict_proba(x)[:, 1], rtol=0, atol=1e-12)


def test_rows_on_a_threshold_go_the_way_that_they_went_in_training() -> None:
    x = np.repeat(np.array([[0.1], [0.3]], np.float32), 50, axis=0)
    y = (x[:, 0] > 0.2).astype(np.float64)
    forest = grow(x, y, Growth(trees=1, rate=1.0, ridge=0.0, leaves=2))
    between = forest.threshold[0, 0]
    at = np.array([[between], [np.nextafter(between, np.float32(1))]], np.float32)
    assert np.allclose(forest.predict(at), [0.0, 1.0])


def test_a_saved_forest_predicts_the_same_to_the_last_bit() -> None:
    x, y = _data(500)
    forest = grow(x, y)
    again = Forest.of({f"a/{k}": np.array(v, copy=True) for k, v in forest.arrays().items()}, "a/")
    assert all(v.dtype != object for v in forest.arrays().values())
    assert np.array_equal(forest.predict(x), again.predict(x))


def test_a_blend_is_the_weighted_sum_of_its_forests() -> None:
    x, y = _data(800)
    small, large = grow(x, y, Growth(trees=3, leaves=4)), grow(x, -y, Growth(trees=7))
    both = Forest.blend([(0.25, small), (-1.0, large), (2.0, Forest.constant(3.0))])
    assert np.allclose(both.predict(x), 0.25 * small.predict(x) - large.predict(x) + 6.0, rtol=0, atol=1e-12)


def test_nothing_to_split_is_answered_with_a_constant() -> None:
    none = np.empty((0, 2), np.float32)
    some = np.ones((30, 2), np.float32)
    assert grow(none, np.empty(0)).predict(some).tolist() == [0.0] * 30
    assert np.ptp(grow(some, np.arange(30.0)).predict(some)) == 0
    never = grow(some, np.zeros(30), yes_or_no=True).probability(some)
    assert np.allclose(never, 0.5 / 31)
    assert len(grow(some, np.arange(30.0)).predict(none)) == 0


def test_what_is_not_finite_or_neither_yes_nor_no_is_refused() -> None:
    x, y = _data(50)
    with pytest.raises(LogError, match="must be finite"):
        grow(x, np.where(np.arange(50) == 3, np.nan, y))
    with pytest.raises(LogError, match="must be 0 or 1, got"):
        grow(x, y, yes_or_no=True)
