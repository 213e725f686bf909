"""Limits that cannot be kept are refused with their proof before anything long starts; others are let pass."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from experiments.config import ExperimentConfig
from experiments.feasible import refuse_impossible
from rage_env.errors import GuardrailError

Small = Callable[..., ExperimentConfig]
REACH = {"name": "reach", "numerator": {"contacts": 1.0}, "denominator": {"present": 1.0}, "limit": 0.3, "sense": ">="}
CAPACITY = {"name": "capacity", "numerator": {"contacts": 1.0}, "denominator": {"present": 1.0}, "limit": 0.2}
LOSS = {"name": "loss", "numerator": {"loss_fraud": 1.0}, "denominator": {"gmv": 1.0}, "limit": 1e-9}


def stated(small: Small, *guardrails: dict[str, object]) -> ExperimentConfig:
    return small(scenario_overrides={"guardrails": list(guardrails)}, monitors=[])


def test_a_limit_below_any_use_is_refused_with_its_proof(small: Small) -> None:
    with pytest.raises(
        GuardrailError, match=r"loss: limit 1e-09 cannot be met: even arm \w+, given to everybody, uses .*proof of inf"
    ):
        refuse_impossible(stated(small, LOSS))


def test_a_newcomer_is_told_the_arm_by_its_name_the_key_of_the_limit_and_that_more_users_may_do(small: Small) -> None:
    with pytest.raises(GuardrailError) as refused:
        refuse_impossible(stated(small, LOSS))
    told = str(refused.value)
    assert "even arm credit_line, given to everybody, uses" in told
    assert "scenario_overrides.guardrails.loss.limit=NUMBER" in told
    assert "users=2000" in told
    with pytest.raises(GuardrailError) as many:
        refuse_impossible(small(scenario_overrides={"guardrails": [LOSS]}, monitors=[], users=2_000))
    assert "users=2000" not in str(many.value)


def test_guardrails_that_contradict_each_other_are_refused_though_each_could_be_kept(small: Small) -> None:
    with pytest.raises(GuardrailError, match=r"proof of infeasibility: .*(capacity|reach)"):
        refuse_impossible(stated(small, REACH, CAPACITY))


def test_an_upper_limit_that_only_some_offers_could_meet_leaves_nowhere_to_stand(small: Small) -> None:
    """In fintech about .87 % of those left alone leave in the first week, .78 % under the larger bonuses."""
    churn = {"name": "leavers", "numerator": {"churned": 1.0}, "denominator": {"present": 1.0}, "limit": 0.0085}
    with pytest.raises(
        GuardrailError, match=r"leavers: limit 0\.0085 cannot be held: even arm no_offer uses 0\.008\d+"
    ):
        refuse_impossible(stated(small, churn))


def test_a_least_share_that_doing_nothing_misses_is_no_reason_to_refuse(small: Small) -> None:
    refuse_impossible(stated(small, REACH))
