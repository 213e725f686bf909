"""Cohorts in which users are alike, or almost: nothing may hang, and nothing may be given up for it."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from agents.allocation import Allocation, Linear, allocate, verify
from agents.allocation.programs import Choice, finish
from agents.allocation.stages import in_stages
from rage_env.errors import InputError

Floats = NDArray[np.float64]
cp: Any = importlib.import_module("cvxpy")  # its types are partial

N, ARMS, ROWS = 20_000, 6, 5
FLOOR = np.where(np.arange(N) % 5 == 0, 0.01, 0.0)


def alike(kinds: int, noise: float, seed: int) -> tuple[Floats, list[Linear], NDArray[np.int64]]:
    """Value, rows and kind of 20,000 users of a few kinds, each number off by a relative `noise`."""
    rng = np.random.default_rng([seed, kinds])
    kind = rng.integers(0, kinds, size=N)
    weight = np.exp(rng.normal(size=(kinds, 1)))
    value = weight * rng.normal(0.3, 0.4, size=(kinds, ARMS)) * (np.arange(ARMS) > 0)
    coefs = [weight * np.abs(rng.normal(size=(kinds, ARMS))) * (np.arange(ARMS) > 0) for _ in range(ROWS)]
    best = value.argmax(axis=1)[kind]
    rows = []
    for j, coef in enumerate(coefs):
        limit = float(coef[kind, best].sum() * rng.uniform(0.2, 0.8))
        rows.append(Linear(f"row{j}", blurred(coef[kind], noise, rng), limit))
    return blurred(value[kind], noise, rng), rows, kind


def blurred(numbers: Floats, noise: float, rng: np.random.Generator) -> Floats:
    return np.asarray(numbers * (1.0 + noise * rng.normal(size=numbers.shape)))


def by_kind(value: Floats, rows: list[Linear], kind: NDArray[np.int64]) -> float:
    """Value of the whole program, stated for kinds in place of users: the same program where users are alike."""
    _, first, count = np.unique(kind, return_index=True, return_counts=True)
    heads, usual = count[:, None], np.full(len(count), 1.0)
    least = np.bincount(kind, weights=FLOOR)[:, None]
    x = cp.Variable((len(count), ARMS))
    rules = [cp.sum(x, axis=1) == count * usual, x >= least, x <= heads]
    rules += [cp.sum(cp.multiply(row.coef[first], x)) <= float(np.asarray(row.limit)) for row in rows]
    program = cp.Problem(cp.Maximize(cp.sum(cp.multiply(value[first], x))), rules)
    program.solve(solver=cp.HIGHS)
    assert program.status == "optimal"
    return float(program.value)


@pytest.mark.parametrize("kinds", [1, 2, 5, 40])
def test_users_who_are_all_alike_are_worth_what_the_whole_program_says(kinds: int) -> None:
    value, rows, kind = alike(kinds, 0.0, seed=1)
    answer = allocate(value, rows, floor=FLOOR)
    assert answer.status == "optimal"
    assert verify(value, rows, answer, floor=FLOOR).problems == ()
    assert abs(answer.value - by_kind(value, rows, kind)) <= 2e-7 * float(np.ptp(value, axis=1).sum())


@pytest.mark.parametrize("noise", [1e-13, 1e-11, 1e-10, 1e-9, 1e-7, 1e-4])
@pytest.mark.parametrize("kinds", [1, 3])
def test_users_who_are_almost_alike_lose_nothing_and_are_hardly_ever_randomised(kinds: int, noise: float) -> None:
    value, rows, _ = alike(kinds, noise, seed=2)
    answer = allocate(value, rows, floor=FLOOR)
    assert answer.status == "optimal"
    assert verify(value, rows, answer, floor=FLOOR).problems == ()
    assert answer.gap <= 1e-9 + answer.rounding_loss_bound / abs(answer.bound)
    assert answer.n_randomised <= ROWS


def test_a_price_nobody_reacts_to_does_not_hold_up_the_one_everybody_reacts_to() -> None:
    """A slack row on which the best arms agree, beside a head-count on which everybody is nearly indifferent."""
    rng = np.random.default_rng(3)
    nudge, cash = 0.67 + rng.gamma(2.0, 0.1, size=N), rng.normal(0.37, 0.2, size=N)
    value = np.column_stack([np.zeros(N), nudge, cash, rng.normal(-1.7, 0.8, size=N)])
    spend = np.tile([-0.04, -0.039999, 0.6, 5.6], (N, 1))
    rows = [Linear("spend", spend, 0.0), Linear("contacts", np.tile([0.0, 1.0, 1.0, 1.0], (N, 1)), 0.4 * N)]
    answer = allocate(value, rows)
    assert verify(value, rows, answer).problems == ()
    assert answer.passes <= 20  # 35 in boxes of equal sides, which end with everybody in one linear program
    assert np.array_equal(answer.prices > 0, [False, True])


@pytest.fixture(scope="module")
def wide() -> Choice:
    """3,000 undecided units that are nearly alike, with two switches and two rows that bind."""
    rng = np.random.default_rng(4)
    gain = np.array([1.0, 1.5]) + 1e-11 * rng.normal(size=(3_000, 2))
    use = np.array([[1.0, 0.5], [0.2, 1.0]])[:, None, :] + 1e-11 * rng.normal(size=(2, 3_000, 2))
    return Choice(gain, use, np.ones(3_000), np.array([1_100.3, 900.7]), np.zeros(2), np.full(2, 10.0))


def staged(choice: Choice, blocks: int, spoil: float = 0.0) -> Floats:
    u = len(choice.size)
    shares, _ = in_stages(choice, np.arange(u), np.zeros(u, np.intp), blocks)
    return np.asarray(shares * (1 + spoil))


def problems(choice: Choice, shares: Floats) -> list[str]:
    """What is wrong with shares that claim to finish a choice."""
    whole = float(np.sum(choice.gain * finish(choice)[0]))
    used = np.einsum("gus,us->g", choice.use, shares)
    between = ((shares > 0) & (shares < 1)).any(axis=1).sum()
    found = ["worth"] * bool(float(np.sum(choice.gain * shares)) < whole - 1e-7)
    found += ["limit"] * bool((used > choice.room + 1e-8).any())
    return found + ["randomised"] * bool(between > len(choice.room))


def test_blocks_keep_the_rows_give_nothing_up_and_leave_few_in_between(wide: Choice) -> None:
    for blocks in (16, 100, 1_000, 3_000):
        assert problems(wide, staged(wide, blocks)) == []


def test_a_stage_that_misses_the_limit_by_a_millionth_or_randomises_blocks_is_noticed(wide: Choice) -> None:
    assert "limit" in problems(wide, staged(wide, 100, spoil=1e-6))
    assert "worth" in problems(wide, staged(wide, 100, spoil=-1e-6))
    smeared = np.tile(staged(wide, 100).mean(axis=0), (3_000, 1))
    assert "randomised" in problems(wide, smeared)


def test_the_same_ties_are_broken_the_same_way_twice() -> None:
    value, rows, _ = alike(2, 0.0, seed=5)
    first: Allocation = allocate(value, rows, floor=FLOOR)
    assert np.array_equal(first.probs, allocate(value, rows, floor=FLOOR).probs)


def test_a_cohort_of_nobody_is_refused_by_name() -> None:
    with pytest.raises(InputError, match=r"value: .* at least one user .* \(0, 3\)"):
        allocate(np.zeros((0, 3)), [])
