from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agents.beliefs.linear import Ridge, Ridges, Structure

Floats = NDArray[np.float64]


def _ones(n: int) -> NDArray[np.float32]:
    return np.ones(n, np.float32)


def test_the_posterior_of_two_rows_is_the_closed_form_worked_by_hand() -> None:
    # x = 1 then 2, y = 3 then 4, prior precision 1: V = 1 + 1 + 4 = 6, B = 3 + 8 = 11
    ridge = Ridge(Structure.separate(1, np.array([1.0])))
    x = np.array([[1.0], [2.0]], np.float32)
    ridge.update(x, np.zeros(2, np.int64), np.array([3.0, 4.0]), _ones(2))
    belief = ridge.posterior()
    assert np.isclose(belief.mean[0, 0], 11 / 6)
    assert np.isclose(belief.covariance[0, 0, 0], 1 / 6)
    assert np.allclose(belief.sd(np.array([[3.0]], np.float32)), 3 / np.sqrt(6))


def test_a_group_without_rows_keeps_its_prior_and_forgetting_returns_to_it() -> None:
    ridge = Ridge(Structure.separate(2, np.array([4.0, 1.0])))
    x = np.array([[1.0, 2.0], [0.5, -1.0]], np.float32)
    ridge.update(x, np.zeros(2, np.int64), np.array([1.0, 2.0]), _ones(2))
    assert np.allclose(ridge.posterior().covariance[1], np.diag([0.25, 1.0]))
    assert not np.allclose(ridge.posterior().mean[0], 0)
    ridge.forget(0.0)
    assert np.allclose(ridge.posterior().mean, 0)
    assert np.allclose(ridge.posterior().covariance[0], np.diag([0.25, 1.0]))


def test_effects_against_control_equal_the_regression_on_all_blocks_at_once() -> None:
    rng = np.random.default_rng(0)
    n, p, k = 400, 2, 3
    x = rng.normal(size=(n, p)).astype(np.float32)
    arm = rng.integers(k, size=n)
    y = rng.normal(size=n)
    prior = np.array([2.0, 3.0])
    ridge = Ridge(Structure.against_control(k, prior, prior, prior))
    ridge.update(x, arm, y, _ones(n))
    treated, blocks = (arm > 0)[:, None], [x]
    blocks += [x * treated, x * (arm == 1)[:, None], x * (arm == 2)[:, None]]
    design = np.concatenate(blocks, axis=1).astype(np.float64)
    v = design.T @ design + np.diag(np.tile(prior, 4))
    theta = np.linalg.solve(v, design.T @ y)
    wanted = np.stack([theta[2:4] + theta[4:6], theta[2:4] + theta[6:8]])
    assert np.allclose(ridge.posterior().mean, wanted, atol=1e-5)
    pick = np.zeros((2, 8))
    pick[:, 2:4] = pick[:, 4:6] = np.eye(2)
    assert np.allclose(ridge.posterior().covariance[0], pick @ np.linalg.inv(v) @ pick.T, atol=1e-6)


def test_joint_draws_have_the_mean_and_covariance_of_the_posterior() -> None:
    rng = np.random.default_rng(1)
    prior = np.array([1.0, 1.0])
    ridge = Ridge(Structure.against_control(3, prior, prior, prior))
    x = rng.normal(size=(50, 2)).astype(np.float32)
    ridge.update(x, rng.integers(3, size=50), rng.normal(size=50), _ones(50))
    belief = ridge.posterior()
    draws = belief.draw(rng, 20_000)
    assert np.allclose(draws.mean(axis=0), belief.mean, atol=5 * draws.std() / np.sqrt(20_000))
    for a in range(2):
        assert np.allclose(np.cov(draws[:, a].T), belief.covariance[a], rtol=0.08, atol=0.01)


def _coverage(weight_factor: float) -> float:
    """Share of 400 datasets in which the effect lies within 1.64 posterior sds."""
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(400):
        truth = rng.normal(size=2)
        x = np.concatenate([np.ones((60, 1)), rng.normal(size=(60, 1))], axis=1).astype(np.float32)
        y = x @ truth + 2.0 * rng.normal(size=60)
        ridge = Ridge(Structure.separate(1, np.ones(2)))
        ridge.update(x, np.zeros(60, np.int64), y, np.full(60, weight_factor / 4.0, np.float32))
        belief = ridge.posterior()
        at = np.array([[1.0, 0.7]], np.float32)
        covered += abs(belief.expected(at)[0, 0] - (at @ truth)[0]) <= 1.6449 * belief.sd(at)[0, 0]
    return covered / 400


def test_ninety_per_cent_intervals_cover_and_those_of_a_wrong_noise_do_not() -> None:
    margin = 4.0 * np.sqrt(0.9 * 0.1 / 400)  # luck fails this once in 16,000
    assert abs(_coverage(1.0) - 0.9) < margin
    assert abs(_coverage(9.0) - 0.9) > margin  # a noise thought three times too small


def test_saved_sums_give_the_same_posterior() -> None:
    ridge, again = (Ridge(Structure.separate(2, np.ones(3))) for _ in range(2))
    x = np.random.default_rng(3).normal(size=(20, 3)).astype(np.float32)
    ridge.update(x, np.arange(20) % 2, x[:, 0], _ones(20))
    again.restore(ridge.arrays())
    assert np.array_equal(ridge.posterior().mean, again.posterior().mean)


def test_outcomes_that_share_a_gram_matrix_are_believed_as_each_alone() -> None:
    rng = np.random.default_rng(5)
    x, arm = rng.normal(size=(300, 4)).astype(np.float32), rng.integers(3, size=300)
    y = rng.normal(size=(300, 2)).astype(np.float32)
    structure = Structure.against_control(3, *([np.full(4, 0.5)] * 3))
    together, again = Ridges(structure, 2), Ridges(structure, 2)
    together.update(x, arm, y)
    together.forget(0.5)
    again.restore(together.arrays())
    for j, (belief, saved) in enumerate(zip(together.posteriors(), again.posteriors(), strict=True)):
        alone = Ridge(structure)
        alone.update(x, arm, y[:, j], _ones(300))
        alone.forget(0.5)
        assert np.allclose(belief.mean, alone.posterior().mean, atol=1e-5)
        assert np.allclose(belief.covariance, alone.posterior().covariance, atol=1e-6)
        assert np.array_equal(belief.mean, saved.mean)


def test_spread_is_that_of_the_formula_for_every_row_and_arm() -> None:
    rng = np.random.default_rng(6)
    ridge = Ridge(Structure.separate(3, np.ones(5)))
    x = rng.normal(size=(5_000, 5)).astype(np.float32)  # more than one chunk
    ridge.update(x, rng.integers(3, size=5_000), rng.normal(size=5_000), _ones(5_000))
    belief = ridge.posterior()
    wanted = np.sqrt(np.einsum("np,apq,nq->na", x, belief.covariance, x))
    assert np.allclose(belief.sd(x), wanted, rtol=1e-5)
