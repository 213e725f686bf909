from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from agents.allocation import Linear, allocate
from agents.barrier import Barrier, inverse_gaps
from rage_env.interface import Observation

Floats = NDArray[np.float64]


def _seen(n: int, k: int, unit: NDArray[np.int64] | None = None) -> Observation:
    return Observation(
        week=0,
        user_id=np.arange(n),
        unit=np.arange(n) if unit is None else unit,
        features=np.zeros((n, 1), np.float32),
        action_mask=np.ones((n, k), np.int8),
        is_new=np.zeros(n, np.bool_),
        present=np.ones(n, np.bool_),
        segments={},
        status_quo=np.eye(k, dtype=np.float32)[np.zeros(n, np.intp)],
        numerator_to_date=np.zeros(0),
        denominator_to_date=np.zeros(0),
    )


def _instance(seed: int, n: int = 300, k: int = 4) -> tuple[Floats, list[Linear]]:
    """Heavy-tailed values, two binding limits and one that never binds."""
    rng = np.random.default_rng(seed)
    value = np.exp(rng.normal(size=(n, 1))) * (0.2 + rng.normal(size=(n, k)))
    value[:, 0] = 0
    rows = []
    for j, share in enumerate((0.3, 0.5, 2.0)):
        coef = np.abs(rng.normal(size=(n, k)))
        coef[:, 0] = 0
        best = float(coef[np.arange(n), value.argmax(axis=1)].sum())
        rows.append(Linear(f"row{j}", coef, share * best))
    return value, rows


def _used(row: Linear, probs: Floats) -> float:
    return float((np.asarray(row.coef) * probs).sum() - float(np.asarray(row.limit)))


def test_two_arms_worked_by_hand() -> None:
    # gaps 0 and 1.5 at gamma 1: 1 / (mu) + 1 / (mu + 1.5) = 1 gives mu = (.5 + sqrt(6.25)) / 2 = 1.5
    probs, level = inverse_gaps(np.array([[0.0, -1.5]]), np.ones((1, 2), np.int8), 1.0)
    assert level[0] == pytest.approx(1.5)
    assert probs[0].tolist() == pytest.approx([2 / 3, 1 / 3])


def test_masked_arms_get_nothing_and_a_lone_arm_everything() -> None:
    mask = np.array([[1, 0, 1], [1, 0, 0]], np.int8)
    probs, _ = inverse_gaps(np.array([[0.0, 9.0, 0.0], [0.0, 9.0, 9.0]]), mask, 3.0)
    assert probs.tolist() == [[0.5, 0.0, 0.5], [1.0, 0.0, 0.0]]


@pytest.mark.parametrize("seed", range(12))
def test_prices_meet_the_optimality_conditions_of_the_randomised_week(seed: int) -> None:
    value, rows = _instance(seed)
    gamma, least = 8.0, np.full(value.shape, 0.005)
    probs, prices = Barrier(value, rows, _seen(*value.shape), least).solve(gamma)
    spread = [float(np.abs(np.asarray(row.coef)).sum()) for row in rows]
    used = np.array([_used(row, probs) for row in rows]) / spread
    assert np.allclose(probs.sum(axis=1), 1.0)
    assert (used < 1e-7).all()  # feasible
    assert (prices >= 0).all()
    assert (np.abs(used[prices > 0]) < 1e-6).all()  # paid for only where it binds
    assert prices[2] == 0
    assert prices[:2].max() > 0
    left = 1.0 - least.sum(axis=1, keepdims=True)
    score = left * (value - sum(p * np.asarray(row.coef) for p, row in zip(prices, rows, strict=True)))
    inner = (probs - least) / left
    level = score + 1.0 / (gamma * inner)  # the same mu for every arm of a user
    assert np.ptp(level, axis=1).max() < 1e-6


def test_prices_for_the_best_arms_alone_would_break_the_limits_once_arms_are_drawn_at_random() -> None:
    value, rows = _instance(3)
    seen, gamma = _seen(*value.shape), 8.0
    prices = allocate(value, rows, seen.action_mask).prices
    score = value - sum(p * np.asarray(row.coef) for p, row in zip(prices, rows, strict=True))
    wrong, _ = inverse_gaps(score, seen.action_mask, gamma)
    right, _ = Barrier(value, rows, seen, np.zeros(value.shape)).solve(gamma)
    assert max(_used(row, wrong) for row in rows) > 1.0
    assert max(_used(row, right) for row in rows) < 1e-5


def test_sharper_weights_come_closer_to_the_program_of_the_week() -> None:
    value, rows = _instance(4)
    best = float(allocate(value, rows, np.ones(value.shape, np.int8)).value)
    barrier = Barrier(value, rows, _seen(*value.shape), np.zeros(value.shape))
    shares = [float((value * barrier.solve(gamma)[0]).sum()) / best for gamma in (1.0, 10.0, 1_000.0)]
    assert shares[0] < shares[1] < shares[2] <= 1.0 + 1e-6
    assert shares[2] > 0.95


def test_users_of_a_unit_share_their_chances_and_segments_have_prices_of_their_own() -> None:
    value, rows = _instance(5)
    n, k = value.shape
    segment = np.arange(n) % 2
    limits = np.array([0.2, 0.4]) * float(np.asarray(rows[0].coef).max(axis=1).sum()) / 2
    row = Linear("by_segment", rows[0].coef, limits, segment=segment)
    seen = _seen(n, k, np.arange(n) // 2 * 2 + 10)
    probs, prices = Barrier(value, [row], seen, np.zeros(value.shape)).solve(5.0)
    assert np.array_equal(probs[::2], probs[1::2])
    assert len(prices) == 2
    for code in (0, 1):
        mine = segment == code
        assert (np.asarray(row.coef)[mine] * probs[mine]).sum() <= limits[code] * (1 + 1e-6)
