from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from agents.beliefs.vw import Driver, Form, Labels
from rage_env.errors import LogError

FORMS: tuple[Form, ...] = ("adf", "plain")
K = 3


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> Form:
    chosen: Form = request.param
    return chosen


def _week(n: int, seed: int, charge: float = 0.0) -> tuple[NDArray[np.float32], NDArray[np.int8], Labels]:
    """Arm 1 helps users with a high first feature, arm 2 never; using arm 1 costs `charge` more."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, 2)).astype(np.float32)
    arm = rng.integers(K, size=n)
    first, second = (arm == 1).astype(np.float64), (arm == 2).astype(np.float64)
    cost = first * (charge - np.sign(z[:, 0])) + 0.5 * second + 0.1 * rng.normal(size=n)
    return z, np.ones((n, K), np.int8), Labels(arm, cost, np.full(n, 1 / K))


def _taught(driver: Driver, charge: float = 0.0) -> bytes:
    model = b""
    for week in range(4):
        model = driver.learn(model, *_week(800, week, charge))
    return model


def test_the_driver_learns_whom_an_arm_helps(form: Form) -> None:
    driver = Driver(K, form, gamma_scale=100.0)
    z, mask, _ = _week(400, 9)
    probs = driver.predict(_taught(driver), z, mask)
    assert np.allclose(probs.sum(axis=1), 1.0)
    high, low = z[:, 0] > 0.5, z[:, 0] < -0.5
    assert probs[high, 1].mean() > 0.7
    assert probs[low, 1].mean() < 0.3
    assert probs[:, 2].mean() < 0.3


def test_a_price_of_usage_keeps_the_arm_from_those_it_helps_less_than_that(form: Form) -> None:
    driver = Driver(K, form, gamma_scale=100.0)
    z, mask, _ = _week(400, 9)
    free, dear = (driver.predict(_taught(driver, c), z, mask)[:, 1].mean() for c in (0.0, 3.0))
    assert dear < 0.4 * free


def test_masked_arms_get_no_chance_and_chances_keep_their_arm(form: Form) -> None:
    driver = Driver(K, form, gamma_scale=100.0)
    model = _taught(driver)
    z = np.tile(np.array([[1.5, 0.0]], np.float32), (4, 1))
    mask = np.array([[1, 1, 1], [1, 1, 0], [1, 0, 1], [1, 0, 0]], np.int8)
    probs = driver.predict(model, z, mask)
    assert (probs[mask == 0] == 0).all()
    assert probs[:2].argmax(axis=1).tolist() == [1, 1]
    assert probs[3].tolist() == [1.0, 0.0, 0.0]
    assert driver.predict(model, z[:0], mask[:0]).shape == (0, K)


def test_the_same_weeks_give_the_same_model(form: Form) -> None:
    driver = Driver(K, form)
    z, mask, _ = _week(100, 7)
    first, second = (driver.predict(_taught(driver), z, mask) for _ in range(2))
    assert np.array_equal(first, second)


def test_costs_that_are_no_numbers_and_chances_of_zero_are_refused() -> None:
    arm = np.zeros(2, np.int64)
    with pytest.raises(LogError, match="row 1: cost must be finite"):
        Labels(arm, np.array([0.0, np.nan]), np.ones(2))
    with pytest.raises(LogError, match="row 0"):
        Labels(arm, np.zeros(2), np.array([0.0, 1.0]))
