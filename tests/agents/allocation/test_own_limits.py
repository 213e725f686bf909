"""A limit for every account: held to the whole program, to `verify`, and to true usage in the runner's book."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from agents.allocation import Linear, allocate, verify
from agents.allocation.program import guardrail_rows
from experiments.guardrail_book import Entry, GuardrailBook
from experiments.week_truth import WeekTruth, rows_of, week_truth
from rage_env.errors import GuardrailError
from rage_env.guardrails import Guardrail, Scope
from rage_env.interface import observe
from rage_env.log import Reports
from rage_env.outcomes import DELAYED
from rage_env.seated import SeatedCohort
from tests.agents.allocation.test_allocate_exact import Instance, whole_program

CALLS = Guardrail(
    name="calls", numerator={"contacts": 1.0}, denominator={"present": 1.0}, limit=0.3, scope=Scope(kind="account")
)


def made(seed: int) -> Instance:
    """Users in accounts, a budget for each account among up to three shared rows; masks, floors, whole numbers."""
    rng = np.random.default_rng([seed, 77])
    n, k = int(rng.integers(3, 80)), int(rng.integers(2, 6))
    account = rng.integers(0, max(2, n // 3), size=n)
    weight = np.exp(rng.normal(size=(n, 1)))
    rows = []
    for j in range(int(rng.integers(0, 4))):
        coef = weight * rng.normal(loc=0.5, size=(n, k))
        none, most = coef[:, 0].sum(), coef.max(axis=1).sum()
        rows.append(Linear(f"row{j}", coef, none + rng.uniform(0, 0.5) * (most - none)))
    coef = np.abs(rng.normal(size=(n, k)))
    coef = coef if seed % 3 else np.round(3 * coef)
    coef[:, 0] *= 0.3
    none = np.asarray(np.bincount(account, weights=coef[:, 0]), dtype=np.float64)
    most = np.asarray(np.bincount(account, weights=coef.max(axis=1)), dtype=np.float64)
    own = Linear("own", coef, none + rng.uniform(0, 0.6, size=len(none)) * (most - none), segment=account)
    rows.insert(int(rng.integers(0, len(rows) + 1)), own)
    mask = None
    if seed % 4 == 1:
        mask = (rng.random((n, k)) < 0.7).astype(np.int8)
        mask[:, 0] = 1
    return Instance(weight * rng.normal(size=(n, k)), rows, mask, account, 0.03125 if seed % 4 == 3 else 0.0)


@pytest.mark.parametrize("seed", range(24))
def test_no_shares_that_keep_every_accounts_own_limit_are_worth_more(seed: int) -> None:
    case = made(seed)
    answer = case.solve()
    status, value = whole_program(case)
    assert case.problems(answer) == ()
    if status != "optimal":
        assert answer.infeasibility is not None
        return
    size = max(abs(answer.bound), float(np.ptp(case.value, axis=1).sum()))
    assert answer.status == "optimal"
    assert abs(answer.value - value) <= 2e-7 * size
    assert answer.gap <= 1e-9
    assert answer.slack.min() >= 0


def test_an_account_that_cannot_keep_its_limit_is_named_with_the_proof() -> None:
    coef = np.array([[1.0, 2.0], [1.0, 2.0], [0.0, 1.0]])
    row = Linear("own", coef, np.array([1.5, 1.0]), segment=np.array([0, 0, 1]))
    value, unit = np.ones((3, 2)), np.array([0, 0, 1])
    answer = allocate(value, [row], unit=unit)
    assert answer.status == "infeasible"
    assert answer.infeasibility is not None
    assert answer.infeasibility.words.startswith("own[0]: limit 1.5 cannot be met: the least usage")
    assert verify(value, [row], answer, unit=unit).ok
    forged = replace(answer, infeasibility=replace(answer.infeasibility, multipliers=np.array([0.0, 1.0])))
    assert not verify(value, [row], forged, unit=unit).ok


def seated() -> WeekTruth:
    env = SeatedCohort(1_024, "b2b_nudge", seed=3)
    observation = observe(*env.reset())
    return week_truth(env.truth, observation, [CALLS], env.scenario.retention_value_usd)


def judged(truth: WeekTruth, guardrail: Guardrail) -> Entry:
    """What the book says of the best allocation under `guardrail`, judged by account."""
    seen, eager = truth.observation, truth.means["contacts"] * 5.0
    rows = guardrail_rows([guardrail], truth.means, seen)
    answer = allocate(eager, rows, seen.action_mask, seen.unit)
    assert verify(eager, rows, answer, seen.action_mask, seen.unit).ok
    book = GuardrailBook([CALLS], {c: np.ones(2) for c in DELAYED})
    ledger = {c: np.zeros(seen.n) for c in ("contacts", "gmv")}
    return book.enter(truth, answer.probs, ledger, Reports.empty())[0]


def test_true_usage_keeps_every_accounts_limit_and_one_limit_for_all_together_does_not() -> None:
    truth = seated()
    entry = judged(truth, CALLS)
    assert not entry.violated
    assert -1e-6 <= entry.slack_true <= 0.3
    together = judged(truth, CALLS.model_copy(update={"scope": Scope()}))
    assert together.violated
    assert together.slack_true == pytest.approx(0.3 - 1.0)


def test_a_limit_by_account_over_many_weeks_is_refused_by_name() -> None:
    truth = seated()
    monthly = CALLS.model_copy(update={"horizon": "month"})
    with pytest.raises(GuardrailError, match="calls: an account's month cannot be judged"):
        rows_of(monthly, truth.means, truth.observation)
