"""The allocator against the whole program in cvxpy, and against checks that know broken solvers when they see them."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from agents.allocation import Allocation, Linear, allocate, verify

Floats = NDArray[np.float64]
cp: Any = importlib.import_module("cvxpy")  # its types are partial


@dataclass(frozen=True, eq=False)
class Instance:
    value: Floats  # (n, k)
    rows: list[Linear]
    mask: NDArray[np.int8] | None = None
    unit: NDArray[np.int64] | None = None
    floor: float = 0.0

    def solve(self, **options: Any) -> Allocation:  # keyword arguments of allocate
        return allocate(self.value, self.rows, self.mask, self.unit, floor=self.floor, **options)

    def problems(self, answer: Allocation) -> tuple[str, ...]:
        return verify(self.value, self.rows, answer, self.mask, self.unit, floor=self.floor).problems


def whole_program(case: Instance) -> tuple[str, float]:
    """Status and value of the full program, one variable for every user and arm."""
    n, k = case.value.shape
    allowed = np.ones((n, k)) if case.mask is None else case.mask.astype(np.float64)
    least = allowed * np.where(allowed.sum(axis=1, keepdims=True) > 1, case.floor, 0.0)
    x = cp.Variable((n, k))
    rules = [cp.sum(x, axis=1) == 1, x <= allowed, x >= least]
    for row in case.rows:
        codes = np.zeros(n, np.int64) if row.segment is None else np.asarray(row.segment)
        for code in np.unique(codes[codes >= 0]):
            limit = float(row.limit if np.ndim(row.limit) == 0 else np.asarray(row.limit)[code])
            used = cp.sum(cp.multiply(row.coef * (codes == code)[:, None], x))
            rules.append(used <= limit if row.sense == "<=" else used >= limit)
    if case.unit is not None:
        for unit in np.unique(case.unit):
            users = [i for i in np.flatnonzero(case.unit == unit) if allowed[i].sum() > 1]
            rules += [x[users[0]] == x[i] for i in users[1:]]
    program = cp.Problem(cp.Maximize(cp.sum(cp.multiply(case.value, x))), rules)
    program.solve(solver=cp.HIGHS)
    return str(program.status), float("nan") if program.value is None else float(program.value)


KINDS = (
    *("heavy", "degenerate", "tied", "copied_arms", "tight", "one_row", "covering", "segments", "units", "floors"),
    *("masked", "hundred", "contradicting"),
)


def made(kind: str, seed: int) -> Instance:
    """A random program of a kind that has broken some solver before."""
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    n, k, g = int(rng.integers(2, 120)) + 200 * (kind == "hundred"), int(rng.integers(2, 7)), int(rng.integers(1, 6))
    weight = np.exp(rng.normal(size=(n, 1)) * (1.8 if kind == "heavy" else 0.8))
    value = weight * rng.normal(size=(n, k))
    coefs = [weight * rng.normal(loc=0.5, size=(n, k)) for _ in range(1 if kind in ("one_row", "hundred") else g)]
    if kind == "degenerate":
        value, coefs = np.round(value), [np.round(c) for c in coefs]
    if kind == "tied":
        value, coefs = np.repeat(value[:1], n, axis=0), [np.repeat(c[:1], n, axis=0) for c in coefs]
    if kind == "copied_arms":
        value[:, -1] = value[:, 0]
        for c in coefs:
            c[:, -1] = c[:, 0]
        coefs.append(coefs[0].copy())
    mask = (rng.random((n, k)) < 0.7).astype(np.int8)
    mask[:, 0] = 1
    mask[rng.random(n) < (1.0 if kind == "masked" else 0.2), 1:] = 0
    rows = [_row(f"row{j}", c, kind, rng) for j, c in enumerate(coefs)]
    unit = rng.integers(0, max(1, n // 3), size=n) if kind == "units" else None
    return Instance(
        value,
        rows,
        mask if kind == "masked" or rng.random() < 0.5 else None,
        unit,
        0.03125 if kind == "floors" else 0.0,
    )


def _row(name: str, coef: Floats, kind: str, rng: np.random.Generator) -> Linear:
    n = len(coef)
    if kind == "segments":
        segment = rng.integers(-1, 4, size=n)
        most = [coef[segment == c].max(axis=1, initial=0).sum() for c in range(4)]
        least = [coef[segment == c, 0].sum() for c in range(4)]
        share = rng.uniform(0.0, 1.0, size=4)
        return Linear(name, coef, np.array(least) + share * (np.array(most) - np.array(least)), segment=segment)
    if kind == "hundred":
        place = np.append(np.arange(100), rng.integers(0, 100, size=n - 100))
        upper = np.bincount(place, weights=coef.max(axis=1))
        lower = np.bincount(place, weights=coef[:, 0])
        limit = np.asarray(lower + rng.uniform(0.0, 1.0, size=100) * (upper - lower), dtype=np.float64)
        return Linear(name, coef, limit, segment=place)
    low, high, none = coef.min(axis=1).sum(), coef.max(axis=1).sum(), coef[:, 0].sum()
    if kind == "contradicting":
        return Linear(name, coef, low - rng.uniform(0.01, 0.3) * (high - low))
    if kind == "tight":
        return Linear(name, coef, low + rng.uniform(-0.02, 0.3) * (high - low))
    if kind == "covering" and rng.random() < 0.6:
        return Linear(name, coef, none + rng.uniform(-0.2, 0.6) * (high - none), ">=")
    return Linear(name, coef, none + rng.uniform(0.0, 0.7) * (high - none))


@pytest.mark.parametrize("seed", range(16))
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_allowed_is_worth_more_than_the_allocation(kind: str, seed: int) -> None:
    case = made(kind, seed)
    answer = case.solve()
    status, value = whole_program(case)
    assert case.problems(answer) == ()
    if status != "optimal":
        assert answer.status == "infeasible"
        assert answer.infeasibility is not None
        return
    size = max(abs(answer.bound), float(np.ptp(case.value, axis=1).sum()))
    assert answer.status == "optimal"
    assert abs(answer.value - value) <= 2e-7 * size  # the reference is solved to 1e-7, ours is on the float32 grid
    assert answer.gap <= 1e-9
    assert answer.max_violation <= 1e-9
    assert answer.slack.min() >= 0
    assert answer.n_randomised <= len(answer.row_names)


@pytest.mark.parametrize("seed", range(6))
def test_prices_are_paid_only_where_a_limit_binds(seed: int) -> None:
    case = made("heavy", 100 + seed)
    answer = case.solve()
    spread = np.array([np.ptp(row.coef, axis=1).sum() for row in case.rows])
    assert (answer.prices >= 0).all()
    assert (answer.prices[answer.slack > 1e-5 * spread] == 0).all()


@pytest.fixture(scope="module")
def contest() -> tuple[Instance, Allocation]:
    """A program of 2,000 users with three binding rows, and its allocation."""
    rng = np.random.default_rng(5)
    weight = np.exp(1.2 * rng.normal(size=(2_000, 1)))
    value = weight * rng.normal(loc=0.3, size=(2_000, 4))
    rows = [Linear(f"row{j}", weight * rng.random((2_000, 4)) * [0, 1, 1, 1], 250.0) for j in range(3)]
    case = Instance(value, rows)
    return case, case.solve()


def restated(case: Instance, answer: Allocation, probs: NDArray[np.float32]) -> Allocation:
    """What a solver would claim that answered `probs` and believed in it."""
    p = probs.astype(np.float64)
    usage = np.array([float((row.coef * p).sum()) for row in case.rows])
    slack = np.array([float(row.limit) for row in case.rows]) - usage
    return replace(answer, probs=probs, value=float((case.value * p).sum()), usage=usage, slack=slack, gap=0.0)


def best_arms(case: Instance, prices: Floats) -> NDArray[np.float32]:
    net = case.value - sum(price * row.coef for price, row in zip(prices, case.rows, strict=True))
    return np.asarray(np.eye(case.value.shape[1], dtype=np.float32)[net.argmax(axis=1)])


def test_the_check_passes_the_real_solver(contest: tuple[Instance, Allocation]) -> None:
    case, answer = contest
    assert case.problems(answer) == ()
    assert answer.status == "optimal"
    assert answer.gap <= 1e-9
    assert 1 <= answer.n_randomised <= 3
    assert (answer.prices > 0).sum() >= 2


def test_the_check_throws_out_a_solver_that_forgets_a_row(contest: tuple[Instance, Allocation]) -> None:
    case, answer = contest
    row = int(answer.prices.argmax())
    fewer = replace(case, rows=[r for i, r in enumerate(case.rows) if i != row]).solve()
    forged = replace(restated(case, answer, fewer.probs), prices=np.insert(fewer.prices, row, 0.0))
    assert any("exceeds its limit" in p for p in case.problems(forged))


def test_the_check_throws_out_the_best_arms_at_prices_a_millionth_off(contest: tuple[Instance, Allocation]) -> None:
    case, answer = contest
    for factor in (1 - 1e-6, 1 + 1e-6):
        near = answer.prices * factor
        forged = replace(restated(case, answer, best_arms(case, near)), prices=near)
        assert any(p.startswith("gap") or "exceeds its limit" in p for p in case.problems(forged))


def test_the_check_throws_out_rounding_to_the_wrong_side(contest: tuple[Instance, Allocation]) -> None:
    case, answer = contest
    probs = answer.probs.copy()
    user = int(((probs > 0) & (probs < 1)).any(axis=1).argmax())
    probs[user] = 0
    probs[user, 1 + case.rows[int(answer.prices.argmax())].coef[user, 1:].argmax()] = 1
    assert any("exceeds its limit" in p for p in case.problems(restated(case, answer, probs)))


def test_the_check_throws_out_a_bound_that_prices_do_not_support(contest: tuple[Instance, Allocation]) -> None:
    case, answer = contest
    assert case.problems(replace(answer, prices=answer.prices * 0.9)) != ()
    assert case.problems(replace(answer, bound=answer.value * 1.01)) != ()


def test_the_check_throws_out_a_loss_by_storage_that_storage_cannot_explain(
    contest: tuple[Instance, Allocation],
) -> None:
    case, answer = contest
    idle = np.zeros_like(answer.probs)
    idle[:, 0] = 1
    forged = restated(case, answer, idle)
    excused = replace(forged, rounding_loss_bound=abs(answer.value) * 10)
    assert any(p.startswith("rounding_loss_bound") for p in case.problems(excused))
    users, shares = np.arange(len(idle)), answer.probs.astype(np.float64)
    assert any(p.startswith("before_storage") for p in case.problems(replace(excused, before_storage=(users, shares))))


def test_a_warm_start_ends_at_the_same_value(contest: tuple[Instance, Allocation]) -> None:
    case, answer = contest
    for prices0 in (answer.prices, 3 * answer.prices, np.zeros(3), np.full(3, 1e3)):
        again = case.solve(prices0=prices0)
        assert abs(again.value - answer.value) <= 2e-9 * abs(answer.bound)
        assert case.problems(again) == ()


def test_the_same_input_gives_the_same_bits_whatever_was_solved_before(contest: tuple[Instance, Allocation]) -> None:
    case, answer = contest
    for seed in range(3):
        made("heavy", 200 + seed).solve()
    again = case.solve()
    assert np.array_equal(again.probs, answer.probs)
    assert np.array_equal(again.prices, answer.prices)


def test_units_ids_and_the_order_of_users_do_not_matter(contest: tuple[Instance, Allocation]) -> None:
    case, answer = contest
    order = np.random.default_rng(1).permutation(len(case.value))
    turned = Instance(
        case.value[order], [replace(r, coef=r.coef[order]) for r in case.rows], unit=1_000 + np.arange(len(order))
    )
    assert abs(turned.solve().value - answer.value) <= 2e-9 * abs(answer.bound)
