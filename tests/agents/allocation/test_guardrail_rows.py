"""Guardrails as rows: every scope, horizon and reference, held to the contract's own arithmetic."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from agents.allocation import allocate, program
from agents.allocation.program import guardrail_rows, require_kept
from rage_env.errors import GuardrailError
from rage_env.guardrails import Guardrail, Scope, linear_row, true_usage
from rage_env.interface import Observation

_N, _K = 40, 3


def observation(seed: int = 0, guardrails: int = 1) -> Observation:
    rng = np.random.default_rng(seed)
    present = rng.random(_N) < 0.9
    mask = np.ones((_N, _K), np.int8)
    mask[~present, 1:] = 0
    return Observation(
        week=3,
        user_id=np.arange(_N),
        unit=np.arange(_N) // 2,
        features=np.zeros((_N, 1), np.float32),
        action_mask=mask,
        is_new=np.zeros(_N, bool),
        present=present,
        segments={"region": rng.integers(0, 3, size=_N)},
        status_quo=rng.dirichlet(np.ones(_K), size=_N).astype(np.float32),
        numerator_to_date=np.zeros(guardrails),
        denominator_to_date=np.zeros(guardrails),
    )


def means(seed: int = 1) -> dict[str, NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    gmv = 100 + 50 * rng.random((_N, _K))
    contacts = np.tile([0.0, 1.0, 1.0], (_N, 1))
    return {"gmv": gmv, "loss_fraud": 0.002 * gmv * (1 + rng.random((_N, _K))), "contacts": contacts}


def rate(**more: object) -> Guardrail:
    facts = {"name": "loss_rate", "numerator": {"loss_fraud": 1.0}, "denominator": {"gmv": 1.0}, "limit": 0.003}
    return Guardrail.model_validate({**facts, **more})


def count(**more: object) -> Guardrail:
    facts = {"name": "contacts", "numerator": {"contacts": 1.0}, "limit": 10.0}
    return Guardrail.model_validate({**facts, **more})


def test_a_cohort_row_is_the_contracts_row() -> None:
    week, believed = observation(), means()
    for guardrail in (rate(), rate(sense=">="), count(), count(relative_to="status_quo")):
        (row,) = guardrail_rows([guardrail], believed, week)
        wanted = linear_row(guardrail, believed, status_quo=week.status_quo)
        assert np.array_equal(row.coef, wanted.coef)
        assert row.limit == wanted.limit
        assert row.sense == "<="


def test_present_users_are_counted_from_the_observation() -> None:
    week = observation()
    guardrail = count(denominator={"present": 1.0}, limit=0.5, hard=True)
    (row,) = guardrail_rows([guardrail], means(), week)
    assert row.limit == np.floor(0.5 * week.present.sum())


@pytest.mark.parametrize("more", [{}, {"relative_to": "status_quo"}, {"denominator": {"present": 1.0}, "limit": 0.3}])
@pytest.mark.parametrize("scope", [Scope(kind="segment", column="region"), Scope(kind="account")])
def test_each_segment_is_held_to_its_own_row(scope: Scope, more: dict[str, object]) -> None:
    week, believed = observation(), {**means(), "present": np.ones((_N, _K))}
    guardrail = count(scope=scope, hard="denominator" in more, **more)
    (row,) = guardrail_rows([guardrail], believed, week)
    codes = week.segments["region"] if scope.kind == "segment" else week.unit
    assert row.segment is not None
    assert np.array_equal(row.segment, codes)
    present = np.broadcast_to(week.present[:, None].astype(float), (_N, _K))
    for code in np.unique(codes):
        wanted = linear_row(
            guardrail, {**believed, "present": present}, status_quo=week.status_quo, members=codes == code
        )
        assert np.array_equal(row.coef * (codes == code)[:, None], wanted.coef)
        if guardrail.relative_to is None:
            assert np.asarray(row.limit)[code] == wanted.limit
        else:
            assert np.asarray(row.limit)[code] == pytest.approx(wanted.limit)


def test_what_the_run_has_used_is_no_longer_there() -> None:
    week = replace(
        observation(guardrails=2), numerator_to_date=np.array([50.0, 7.0]), denominator_to_date=np.array([9_000.0, 0.0])
    )
    both = [rate(horizon="run"), count(horizon="month")]
    loss, calls = guardrail_rows(both, means(), week)
    assert loss.limit == pytest.approx(0.003 * 9_000 - 50)
    assert calls.limit == pytest.approx(3)
    assert guardrail_rows(both[1:], means(), week, known=both)[0].limit == pytest.approx(3)
    with pytest.raises(GuardrailError, match="contacts: its sums to date cannot be found"):
        guardrail_rows(both[1:], means(), week)
    with pytest.raises(GuardrailError, match="sums to date are not kept by segment"):
        guardrail_rows([both[0], count(horizon="run", scope=Scope(kind="segment", column="region"))], means(), week)


def test_a_lagged_denominator_is_last_weeks() -> None:
    guardrail = rate(denominator_lag=1)
    lived = replace(observation(), denominator_last_week=np.array([5_000.0]))
    (row,) = guardrail_rows([guardrail], means(), lived)
    assert row.limit == pytest.approx(15)
    assert np.array_equal(row.coef, means()["loss_fraud"])
    first = replace(observation(), denominator_last_week=np.zeros(1))
    (alone,) = guardrail_rows([guardrail], means(), first)
    assert alone.limit == pytest.approx(0.003 * means()["gmv"][:, 0].sum())


def test_counts_below_the_minimum_break_nothing() -> None:
    believed = {"chargebacks": np.tile([0.0, 0.5, 1.0], (_N, 1)), "transactions": np.full((_N, _K), 2.0)}
    facts = {"name": "cb", "numerator": {"chargebacks": 1.0}, "denominator": {"transactions": 1.0}, "limit": 0.1}
    free = Guardrail.model_validate({**facts, "min_count": _N})
    assert guardrail_rows([free], believed, observation()) == []
    some = Guardrail.model_validate({**facts, "min_count": 20})
    week = observation()
    answer = allocate(believed["chargebacks"], guardrail_rows([some], believed, week), week.action_mask)
    assert float((answer.probs * believed["chargebacks"]).sum()) <= 20 + 1e-6
    assert float((answer.probs * believed["chargebacks"]).sum()) > 0.1 * 2 * _N


def test_fairness_is_kept_both_ways() -> None:
    week = observation()
    guardrail = count(
        name="fair",
        denominator={"present": 1.0},
        limit=0.1,
        scope=Scope(kind="segment", column="region"),
        between=(0, 2),
    )
    rows = guardrail_rows([guardrail], means(), week)
    assert len(rows) == 2
    wish = np.where(week.segments["region"] == 0, 1.0, -1.0)[:, None] * [0.0, 1.0, 1.0]
    answer = allocate(wish, rows, week.action_mask)
    region, contacted = week.segments["region"], answer.probs[:, 1:].sum(axis=1)
    gap = [contacted[region == c].sum() / week.present[region == c].sum() for c in (0, 2)]
    assert gap[0] - gap[1] == pytest.approx(0.1, abs=1e-6)
    with pytest.raises(GuardrailError, match="needs a denominator that no arm changes"):
        guardrail_rows([guardrail.model_copy(update={"denominator": {"gmv": 1.0}})], means(), week)


def test_a_kept_row_is_no_true_violation() -> None:
    week, believed, guardrail = observation(), means(), rate()
    rows = guardrail_rows([guardrail], believed, week)
    answer = require_kept(allocate(believed["gmv"], rows, week.action_mask), [guardrail], believed, week)
    usage = true_usage(linear_row(guardrail, believed), answer.probs)
    assert not usage.violated
    assert usage.slack >= 0
    ignored = true_usage(linear_row(guardrail, believed), allocate(believed["loss_fraud"], [], week.action_mask).probs)
    assert ignored.violated


def test_guardrails_that_cannot_be_met_are_named_with_the_proof() -> None:
    week, believed = observation(), means()
    believed["loss_fraud"] = 0.0031 * believed["gmv"]
    guardrails = [rate(limit=0.0025), count(limit=40.0)]
    answer = allocate(believed["gmv"], guardrail_rows(guardrails, believed, week), week.action_mask)
    with pytest.raises(GuardrailError) as refused:
        require_kept(answer, guardrails, believed, week)
    assert str(refused.value) == (
        "loss_rate: limit 0.0025 cannot be met: even arm 0, given to everybody, uses 0.0031 "
        "(proof of infeasibility: loss_rate 1). Raise the limit or drop a guardrail."
    )


def test_sparing_no_offer_lifts_only_limits_that_doing_nothing_breaks() -> None:
    week, believed = observation(), means()
    tight, loose = rate(limit=0.002), rate(limit=0.9)
    spared = guardrail_rows([tight, loose], believed, week, spare_no_offer=True)
    plain = guardrail_rows([tight, loose], believed, week)
    assert spared[0].limit == pytest.approx(float(np.asarray(plain[0].coef)[:, 0].sum()))
    assert spared[1].limit == plain[1].limit
    assert allocate(believed["gmv"], spared, week.action_mask).status == "optimal"
    regional = rate(limit=0.002, scope=Scope(kind="segment", column="region"))
    (row,) = guardrail_rows([regional], believed, week, spare_no_offer=True)
    assert allocate(believed["gmv"], [row], week.action_mask).status == "optimal"


def test_misspelt_segments_and_columns_are_named() -> None:
    guardrail = count(scope=Scope(kind="segment", column="regoin"))
    with pytest.raises(GuardrailError, match="did you mean 'region'"):
        guardrail_rows([guardrail], means(), observation())
    with pytest.raises(GuardrailError, match="churned: no expected usage"):
        guardrail_rows([rate(numerator={"churned": 1.0})], means(), observation())
    with pytest.raises(GuardrailError, match="gmv: expected outcomes have shape"):
        guardrail_rows([rate()], {"gmv": np.ones((2, 2))}, observation())


def test_a_denominator_of_nothing_is_named_and_nothing_over_nothing_is_not() -> None:
    believed = {**means(), "gmv": np.zeros((_N, _K))}
    with pytest.raises(
        GuardrailError, match=r"loss_rate: its denominator gmv is expected to be 0 for every user .* arm 0"
    ):
        guardrail_rows([rate()], believed, observation())
    (row,) = guardrail_rows([rate()], {**believed, "loss_fraud": np.zeros((_N, _K))}, observation())
    assert allocate(np.zeros((_N, _K)), [row], observation().action_mask).status == "optimal"


@pytest.mark.parametrize("at", [0, _N - 1])
def test_one_user_with_something_to_divide_by_is_enough(at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "_FIRST", 2)
    believed = {**means(), "gmv": np.zeros((_N, _K))}
    believed["gmv"][at, 1] = 1.0
    (row,) = guardrail_rows([rate()], believed, observation())
    assert row.coef[at, 1] < believed["loss_fraud"][at, 1]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_beliefs_that_are_not_numbers_are_named_with_guardrail_user_and_arm(bad: float) -> None:
    believed = means()
    believed["loss_fraud"][7, 2] = bad
    with pytest.raises(GuardrailError, match="loss_rate: coef must be finite, but user 7, arm 2"):
        guardrail_rows([rate()], believed, observation())
