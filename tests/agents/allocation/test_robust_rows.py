"""Robust rows against the whole cone program, and against a solver that trusts its means."""

from __future__ import annotations

import importlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from agents.allocation import Linear, Robust, allocate, verify

Floats = NDArray[np.float64]
cp: Any = importlib.import_module("cvxpy")  # its types are partial


def program(seed: int, n: int, p: int) -> tuple[Floats, list[Linear | Robust]]:
    rng = np.random.default_rng(seed)
    weight = np.exp(rng.normal(size=(n, 1)))
    value, mean = weight * rng.normal(size=(n, 4)), weight * rng.random((n, 4)) * [0, 1, 1, 1]
    factor = 0.5 * weight[:, :, None] * rng.normal(size=(n, 4, p))
    factor[:, 0] = 0
    limit = 0.4 * float(mean[np.arange(n), value.argmax(axis=1)].sum())
    return value, [
        Robust("loss", mean, factor, 2.3, limit),
        Linear("contacts", np.tile([0.0, 1.0, 1.0, 1.0], (n, 1)), 0.5 * n),
    ]


def cone_value(value: Floats, rows: list[Linear | Robust]) -> float:
    robust, contacts = rows
    assert isinstance(robust, Robust)
    assert isinstance(contacts, Linear)
    x = cp.Variable(value.shape, nonneg=True)
    pull = robust.factor.reshape(value.size, -1).T @ cp.vec(x, order="C")
    used = cp.sum(cp.multiply(robust.mean, x)) + robust.radius * cp.norm(pull)
    rules = [cp.sum(x, axis=1) == 1, used <= robust.limit]
    rules.append(cp.sum(cp.multiply(contacts.coef, x)) <= float(np.asarray(contacts.limit)))
    whole = cp.Problem(cp.Maximize(cp.sum(cp.multiply(value, x))), rules)
    whole.solve(solver=cp.CLARABEL)
    return float(whole.value)


@pytest.mark.parametrize(("seed", "n", "p"), [(0, 60, 3), (1, 200, 5), (2, 150, 12), (3, 6_000, 2)])
def test_a_robust_row_costs_what_the_cone_program_says(seed: int, n: int, p: int) -> None:
    value, rows = program(seed, n, p)
    answer = allocate(value, rows)
    assert verify(value, rows, answer).problems == ()
    assert answer.status == "optimal"
    assert answer.row_names == ("loss", "contacts")
    assert answer.value + answer.rounding_loss_bound == pytest.approx(cone_value(value, rows), rel=1e-6)
    assert answer.rounding_loss_bound <= 1e-5 * answer.bound
    assert answer.gap <= 1e-9
    assert answer.n_randomised <= p + 2
    assert answer.passes <= 25
    assert answer.slack.min() >= 0


@pytest.mark.parametrize("seed", range(4))
def test_doubt_that_cannot_be_hedged_away_is_paid_for_along_its_own_direction(seed: int) -> None:
    """All users share one sign of doubt, so the norm is far from 0 at the optimum and its direction matters."""
    value, rows = program(10 + seed, 400, 3)
    robust, contacts = rows
    assert isinstance(robust, Robust)
    shared = [replace(robust, factor=np.abs(robust.factor)), contacts]
    answer = allocate(value, shared)
    assert verify(value, shared, answer).problems == ()
    assert answer.gap <= 1e-9
    assert np.linalg.norm(answer.directions["loss"]) == pytest.approx(1, abs=1e-6)
    assert answer.value + answer.rounding_loss_bound == pytest.approx(cone_value(value, shared), rel=1e-6)


def test_a_solver_that_trusts_its_means_is_thrown_out() -> None:
    value, rows = program(3, 100, 4)
    robust, contacts = rows
    assert isinstance(robust, Robust)
    naive = allocate(value, [Linear("loss", robust.mean, robust.limit), contacts])
    forged = replace(naive, directions={"loss": np.zeros(4)})
    assert any(p.startswith("loss: exceeds its limit") for p in verify(value, rows, forged).problems)


def test_doubt_that_no_choice_can_carry_is_refused_with_its_proof() -> None:
    value, rows = program(4, 50, 3)
    robust, _ = rows
    assert isinstance(robust, Robust)
    everywhere = replace(robust, mean=robust.mean + 1.0, limit=49.0)
    answer = allocate(value, [everywhere])
    assert answer.status == "infeasible"
    assert answer.infeasibility is not None
    assert answer.infeasibility.words.startswith("loss: limit 49 cannot be met")
    assert verify(value, [everywhere], answer).problems == ()
