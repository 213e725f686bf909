"""One contract for every file in experiments/estimators; a new file is taken up by itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import experiments.estimators
from experiments import estimators
from experiments.estimators._base import Estimator, Floats, Rows
from experiments.estimators._discovery import load
from experiments.estimators._recipe import Whole

N, K = 400, 4


def whole(seed: int = 0) -> tuple[Whole, Floats]:
    """A log of 100 users and four weeks beside a target, with a reward model (n, k)."""
    rng = np.random.default_rng(seed)
    arm, users = rng.integers(0, K, N), np.tile(np.arange(N // 4), 4)
    target, q = rng.dirichlet(np.ones(K), N), rng.normal(size=(N, K))
    x = rng.normal(size=(N, 2))
    log = Whole(
        arm=arm,
        propensity=rng.uniform(0.2, 1.0, N),
        reward=rng.normal(size=N),
        target=target,
        present=None,
        user=users,
        logged=rng.dirichlet(np.ones(K), N),
        read_features=lambda: x,
        read_folds=lambda: users % 2,
        read_week=lambda: np.repeat(np.arange(4), N // 4),
    )
    return log, q


def rows(estimator: Estimator, seed: int = 0) -> Rows:
    log, q = whole(seed)
    prepared = {recipe: recipe.work(log) for recipe in estimator.asks}
    return Rows(log.arm, log.propensity, log.reward, log.target, q, None, prepared)


def test_every_public_file_is_an_estimator_and_the_five_of_the_first_release_are_there() -> None:
    folder = Path(experiments.estimators.__file__).parent
    assert list(estimators.names()) == sorted(p.stem for p in folder.glob("[!_]*.py"))
    assert {"naive", "dm", "ips", "snips", "dr"} <= set(estimators.names())


@pytest.mark.parametrize("name", estimators.names())
def test_terms_are_finite_numbers_one_per_row(name: str) -> None:
    estimator = load([name])[name]
    for term in (*estimator.terms(rows(estimator)), estimator.weights(rows(estimator))):
        assert term.shape == (N,)
        assert term.dtype == np.float64
        assert np.isfinite(term).all()


@pytest.mark.parametrize("name", estimators.names())
def test_the_gradient_is_the_slope_of_the_value(name: str) -> None:
    estimator = load([name])[name]
    means: Floats = np.array([term.mean() for term in estimator.terms(rows(estimator))])
    slopes = [
        (estimator.value(means + step) - estimator.value(means - step)) / 2e-6 for step in 1e-6 * np.eye(len(means))
    ]
    np.testing.assert_allclose(estimator.gradient(means), slopes, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", estimators.names())
def test_an_estimator_that_claims_to_need_no_propensity_or_model_reads_none(name: str) -> None:
    estimator = load([name])[name]
    some = rows(estimator)
    poorer = Rows(
        some.arm,
        some.propensity if estimator.needs_propensity else np.full(N, np.nan),
        some.reward,
        some.target,
        some.q if estimator.needs_q else None,
        prepared=some.prepared,
    )
    for mine, other in zip(estimator.terms(some), estimator.terms(poorer), strict=True):
        np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize("name", estimators.names())
def test_asked_alone_or_with_others_an_estimator_says_the_same(name: str) -> None:
    rng = np.random.default_rng(3)
    log = pd.DataFrame({"user_id": np.arange(N), "week": 0, "arm": rng.integers(0, K, N), "propensity": 0.25})
    log["reward"] = rng.normal(size=N)
    target, q = rng.dirichlet(np.ones(K), N), rng.normal(size=(N, K))
    together = estimators.evaluate(log, target, estimators.names(), q_hat=q).set_index("estimator")
    alone = estimators.evaluate(log, target, [name], q_hat=q).set_index("estimator")
    pd.testing.assert_series_equal(together.loc[name], alone.loc[name])
