"""What is told of a world is what the world does."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pytest

from rage_env import scenario
from rage_env.cohort import CohortEnv
from rage_env.describe import Cell, Table, describe, to_json
from rage_env.economics import economics
from rage_env.errors import UnknownNameError
from rage_env.guardrails import find


@cache
def tables() -> dict[str, Table]:
    return {t.title: t for t in describe("fintech", users=3_000)}


def cell(title: str, row: str, column: str) -> Cell:
    table = tables()[title]
    return next(r for r in table.rows if r[0] == row)[table.columns.index(column)]


def number(title: str, row: str, column: str) -> float:
    held = cell(title, row, column)
    assert isinstance(held, float | int)
    return float(held)


def test_every_row_has_a_cell_for_every_column_and_all_is_json() -> None:
    for table in tables().values():
        assert all(len(row) == len(table.columns) for row in table.rows), table.title
        assert table.note
    assert json.loads(json.dumps(to_json(list(tables().values())), allow_nan=False))


def test_unit_economics_add_up() -> None:
    economy = "unit economics per arm"
    retention = scenario.load("fintech").retention_value_usd
    for arm in scenario.load("fintech").arm_names:
        net = number(economy, arm, "revenue_gross_usd") - number(economy, arm, "offer_and_contact_usd")
        for loss in ("loss_fraud_usd", "loss_bonus_abuse_usd", "loss_credit_usd"):
            net -= number(economy, arm, loss)
        assert net == pytest.approx(number(economy, arm, "net_revenue_usd"), abs=1e-4)
        worth = net - retention * number(economy, arm, "churned_per_1000") / 1000
        assert worth == pytest.approx(number(economy, arm, "value_usd"), abs=1e-3)
        gain = number(economy, arm, "value_usd") - number(economy, "no_offer", "value_usd")
        assert gain == pytest.approx(number(economy, arm, "value_vs_no_offer_usd"), abs=1e-4)


def test_guardrail_usage_is_what_a_week_of_that_arm_uses() -> None:
    world = scenario.load("fintech", {"weeks": 1})
    facts = economics(world, users=4_000)
    env = CohortEnv(4_000, world, seed=20_250_601)
    env.reset()
    means = env.truth.mean_outcomes()
    losses = sum(means[c][:, 5].sum() for c in ("loss_fraud", "loss_bonus_abuse", "loss_credit"))
    by_arm, _ = facts.usage(find(world.guardrails, "loss_rate"))
    assert by_arm[5] == pytest.approx(losses / means["gmv"][:, 5].sum())
    by_arm, usual = facts.usage(find(world.guardrails, "contact_capacity"))
    assert by_arm.tolist() == [0, 1, 1, 1, 1, 1]
    assert usual == pytest.approx(world.status_quo.share)
    by_arm, usual = facts.usage(find(world.guardrails, "abuse_vs_status_quo"))
    assert usual == 0
    assert facts.status_quo @ by_arm == pytest.approx(0, abs=1e-12)


def test_every_number_of_the_scenario_is_listed_with_its_source() -> None:
    listed = {str(row[0]): row for row in tables()["assumptions"].rows}
    assert listed["retention_value_usd"][1:] == (scenario.load("fintech").retention_value_usd, "assumed")
    assert listed["arms.bonus_5.bonus_usd"][1] == 5.0
    assert listed["mechanisms.offers.take_rate"][2] == scenario.load("fintech").sources["mechanisms.offers.take_rate"]
    assert "guardrails.loss_rate.limit" in listed
    assert not [row for row in listed.values() if not row[2]]


def test_archetypes_nobody_has_are_not_given_a_value() -> None:
    mix = {"population": {"archetype": {"mix": [0.6, 0.4, 0.0, 0.0]}}}
    facts = economics(scenario.load("fintech", [mix]), users=500)
    assert np.isnan(facts.value_by_archetype[2:]).all()
    assert np.isfinite(facts.value_by_archetype[:2]).all()


def test_an_unknown_world_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'fintech'"):
        describe("fintec")
