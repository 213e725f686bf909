"""A guardrail's row is the sum it states, worked by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from rage_env.errors import GuardrailError
from rage_env.guardrails import Guardrail, Scope, find, linear_row, true_usage, weighted_sum

LOSS = np.array([[1.0, 2.0], [0.0, 4.0], [3.0, 3.0]])  # three users, two arms
GMV = np.array([[100.0, 150.0], [50.0, 200.0], [80.0, 90.0]])
MEANS = {
    "loss_fraud": LOSS,
    "gmv": GMV,
    "contacts": np.array([[0.0, 1.0]] * 3),
    "present": np.array([[1.0, 1.0], [1.0, 1.0], [0.0, 0.0]]),
}
HALF = np.full((3, 2), 0.5)


def rail(**change: Any) -> Guardrail:  # Any: fields of Guardrail
    return Guardrail(**{"name": "loss_rate", "numerator": {"loss_fraud": 1.0}, "limit": 0.02, **change})


def test_a_ratio_becomes_numerator_less_limit_times_denominator() -> None:
    row = linear_row(rail(denominator={"gmv": 1.0}), MEANS)
    assert row.coef == pytest.approx(LOSS - 0.02 * GMV)
    assert row.limit == 0.0
    assert row.spread == 150 + 200 + 90
    used = true_usage(row, HALF)
    assert used.usage == pytest.approx((1 + 2 + 0 + 4 + 3 + 3) / 2 - 0.02 * (100 + 150 + 50 + 200 + 80 + 90) / 2)
    assert used.usage_no_offer == pytest.approx(4 - 0.02 * 230)
    assert used.violated == (used.slack < -used.allowance)


def test_a_plain_limit_keeps_its_right_hand_side() -> None:
    row = linear_row(rail(limit=5.0, numerator={"loss_fraud": 2.0}), MEANS)
    assert row.coef == pytest.approx(2 * LOSS)
    assert row.limit == 5.0
    assert true_usage(row, HALF).usage == pytest.approx(13.0 - 5.0)
    assert true_usage(row, HALF).usage_no_offer == pytest.approx(8.0 - 5.0)
    assert true_usage(row, HALF).unavoidable
    assert true_usage(row, HALF).violated
    assert not true_usage(row, np.array([[1.0, 0.0]] * 3)).violated


def test_a_hard_head_count_is_kept_to_the_whole_user() -> None:
    hard = rail(name="capacity", numerator={"contacts": 1.0}, denominator={"present": 1.0}, limit=0.75, hard=True)
    row = linear_row(hard, MEANS)
    assert row.limit == 1  # 0.75 of two present users
    assert row.coef == pytest.approx(MEANS["contacts"])


def test_relative_to_the_status_quo_counts_only_what_is_beyond_it() -> None:
    usual = np.array([[0.8, 0.2]] * 3)
    row = linear_row(rail(limit=0.0, relative_to="status_quo"), MEANS, status_quo=usual)
    assert row.limit == pytest.approx(float((LOSS * usual).sum()))
    assert true_usage(row, usual).usage == pytest.approx(0.0)
    assert true_usage(row, usual).slack == pytest.approx(0.0)
    with pytest.raises(GuardrailError, match="loss_rate: relative_to status_quo needs"):
        linear_row(rail(relative_to="status_quo"), MEANS)


def test_at_least_is_the_negative_of_at_most() -> None:
    most = linear_row(rail(denominator={"gmv": 1.0}), MEANS)
    least = linear_row(rail(denominator={"gmv": 1.0}, sense=">="), MEANS)
    assert least.coef == pytest.approx(-most.coef)
    plain = linear_row(rail(limit=5.0, sense=">="), MEANS)
    assert plain.limit == -5.0
    assert true_usage(plain, HALF).usage == pytest.approx(5.0 - 6.5)


def test_a_segment_counts_its_members_alone() -> None:
    segment = rail(denominator={"gmv": 1.0}, scope=Scope(kind="segment", column="region"))
    row = linear_row(segment, MEANS, members=np.array([True, False, True]))
    assert row.coef[1].tolist() == [0.0, 0.0]
    assert row.coef[[0, 2]] == pytest.approx((LOSS - 0.02 * GMV)[[0, 2]])


def test_a_lagged_denominator_turns_the_rate_into_a_total() -> None:
    row = linear_row(rail(denominator={"gmv": 1.0}, denominator_lag=1), MEANS, denominator_total=1000.0)
    assert row.coef == pytest.approx(LOSS)
    assert row.limit == pytest.approx(20.0)


def test_assigned_counts_everybody_and_unknown_columns_are_named() -> None:
    assert weighted_sum({"assigned": 1.0, "loss_fraud": -1.0}, MEANS, (3, 2)) == pytest.approx(1 - LOSS)
    with pytest.raises(GuardrailError, match=r"chargebacks: no expected usage was given.*columns given: \['contacts'"):
        weighted_sum({"chargebacks": 1.0}, MEANS, (3, 2))


def test_a_guardrail_is_found_by_name_or_the_nearest_is_offered() -> None:
    assert find([rail()], "loss_rate").limit == 0.02
    with pytest.raises(GuardrailError, match="did you mean 'loss_rate'"):
        find([rail()], "loss_rat")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"numerator": {"los_fraud": 1.0}}, "not a column of the ledger: did you mean 'loss_fraud'"),
        ({"numerator": {}}, "at least 1 item"),
        ({"numerator": {"gmv": float("inf")}}, "weight must be finite"),
        ({"denominator": {}}, "divides by nothing"),
        ({"limit": float("nan")}, "finite number"),
        ({"limit": "0.1"}, "valid number"),
        ({"name": "Loss Rate"}, "should match pattern"),
        ({"hard": True}, "must be known before the week is lived"),
        ({"hard": True, "numerator": {"contacts": 2.0}}, "only head-counts"),
        ({"hard": True, "numerator": {"contacts": 1.0}, "sense": ">="}, "only head-counts"),
        ({"between": (0, 1)}, "scope.kind must be 'segment'"),
        ({"scope": {"kind": "segment"}}, "'column' is given exactly when"),
        ({"scope": {"kind": "cohort", "column": "region"}}, "'column' is given exactly when"),
        ({"horizon": "year"}, "'week', 'month' or 'run'"),
        ({"min_count": -1}, "greater than or equal to 0"),
        ({"limits": 1.0}, "Extra inputs"),
    ],
)
def test_a_guardrail_that_cannot_be_kept_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        rail(**change)


@pytest.mark.parametrize(
    "more",
    [
        {"denominator": None},
        {"denominator": {"chargebacks": 1.0}},
        {"denominator": {"gmv": 1.0}, "scope": {"kind": "account"}},
    ],
)
def test_a_lag_is_refused_where_last_weeks_sum_is_not_known(more: dict[str, object]) -> None:
    facts = {"name": "rate", "numerator": {"loss_fraud": 1.0}, "limit": 0.1, "denominator_lag": 1}
    with pytest.raises(ValueError, match="denominator_lag: last week's"):
        Guardrail.model_validate({**facts, **more})
