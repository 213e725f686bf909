"""A scenario's parts must fit together, and every number must say where it comes from."""

from __future__ import annotations

from typing import Any

import pytest

from rage_env import scenario
from rage_env.arms import ArmTable
from rage_env.arrivals import Arrivals
from rage_env.errors import ConfigError


def fintech() -> dict[str, Any]:  # Any: a JSON tree
    return scenario.load("fintech").model_dump(mode="json")


def changed_arm(at: int, **change: object) -> dict[str, Any]:
    arms = fintech()["arms"]
    arms[at] |= change
    return {"arms": arms}


def test_overrides_merge_deeply_and_lists_replace() -> None:
    world = scenario.load("fintech", {"mechanisms": {"fraud": {"max_loss_usd": 500.0}}, "guardrails": []})
    assert world.used["fraud"].max_loss_usd == 500.0
    assert world.used["fraud"].decay_weeks == scenario.load("fintech").used["fraud"].decay_weeks
    assert world.guardrails == ()
    assert scenario.load("fintech", ["weeks=52"]).weeks == 52


def test_a_loaded_scenario_can_be_changed_again() -> None:
    world = scenario.load("fintech", {"weeks": 4})
    again = scenario.load(world, {"burn_in_weeks": 2})
    assert (again.weeks, again.burn_in_weeks) == (4, 2)
    assert scenario.load(world) == world


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (changed_arm(0, name="nothing"), "arm 0 is always no_offer, got 'nothing'"),
        (changed_arm(2, name="nudge"), "two are called 'nudge'"),
        (changed_arm(3, offer_cap_usd=1.0), "offer_cap_usd: 1 lies below the bonus of 5"),
        (changed_arm(3, redemption_rate=1.5), "less than or equal to 1"),
        ({"status_quo": {"arm": "nuge", "share": 0.1}}, "no arm is called 'nuge': did you mean 'nudge'"),
        ({"delays": {"gmv": {"median_days": 1.0, "sigma": 1.0, "max_days": 9.0}}}, "delays.gmv: is known at once"),
        ({"delays": {"gvm": {"median_days": 1.0, "sigma": 1.0, "max_days": 9.0}}}, "is no column of the ledger"),
        ({"guardrails": [{"name": "a", "numerator": {"gmv": 1.0}, "limit": 1.0}] * 2}, "two are called 'a'"),
        ({"population": {"archetype": {"mix": [0.5, 0.5, 0.5, -0.5]}}}, "shares must be >= 0"),
        ({"delay_scale": 0.0}, "greater than 0"),
    ],
)
def test_parts_that_do_not_fit_are_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        scenario.load("fintech", change)


def mechanism(name: str, **change: object) -> dict[str, Any]:
    return {"mechanisms": {name: change}, "sources": {"mechanisms": "assumed"}}


@pytest.mark.parametrize(
    ("world", "change", "message"),
    [
        ("fintech", mechanism("reach", delivered={"pusj": 0.5}), r"reach\.delivered\.pusj: no offer .* mean 'push'"),
        ("fintech", mechanism("reach", delivered={"none": 0.5}), r"reach\.delivered\.none: no offer takes"),
        ("fintech", mechanism("reach", delivered={"push": 1.5}), "less than or equal to 1"),
        ("fintech", mechanism("reach", delivered={"push": -0.5}), "greater than or equal to 0"),
        ("fintech", mechanism("reach", eligible={"nuge": {}}), r"reach\.eligible\.nuge: no arm .* mean 'nudge'"),
        ("fintech", mechanism("reach", eligible={"no_offer": {}}), "everybody may be left alone"),
        ("fintech", mechanism("corruption", unreported=0.1, false_reports=[0.0, 2.0, 0.0, 0.0]), "false_reports"),
        ("fintech", mechanism("reactions", rates=[0.1, -0.1, 0.1, 0.1]), r"reactions\.rates"),
        ("fintech", {"arrivals": {"initial_share": 0.0, "growth": 0.1}}, "initial_share"),
        ("fintech", {"population": {"signals": {"kyc_high": [0.8, 1.8, 0.4, 0.4]}}}, "kyc_high"),
        ("fintech", {"population": {"signals": {"churn_highest_rate": 0.0001}}}, "lies below churn_lowest_rate"),
        ("b2b_nudge", mechanism("attention", slowing_times=[1.0, -1.0, 1.0, 1.0]), "slowing_times"),
        ("commerce_churn", mechanism("shop_signals", orders_a_month=[[4.0, 1.5], [0.3, 1.5], [0.1, 0.3]]), "tier low"),
        ("commerce_churn", mechanism("shop_signals", returns=[0.1, 1.5]), r"shop_signals\.returns"),
        ("pre_delinquency", mechanism("delinquency", default_rate=[0.1, 0.1, 0.1, 0.1, -0.1]), "default_rate"),
        ("pre_delinquency", mechanism("delinquency", debt_least_usd=60_000.0), "lies below debt_least_usd"),
        ("pre_delinquency", mechanism("bank_account", gambling={"usual": 1.5}), "less than 1"),
    ],
)
def test_a_mechanism_that_could_not_act_as_written_is_refused(world: str, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        scenario.load(world, change)


def test_two_classes_of_accounts_must_not_share_a_name() -> None:
    size = {"name": "smb", "share": 0.5, "fewest": 1, "most": 6, "churn_times": 1.0}
    with pytest.raises(ConfigError, match="two are called 'smb'"):
        scenario.load("b2b_nudge", {"mechanisms": {"accounts": {"classes": [size, size]}}})


def test_growth_without_bounds_fills_every_slot_instead_of_overflowing() -> None:
    assert Arrivals(initial_share=0.5, growth=1e300).share(9_999) == 1.0
    assert Arrivals(initial_share=0.5, growth=0.1).share(2) == pytest.approx(0.5 * 1.1**2)


def test_a_number_without_a_source_is_refused_and_named() -> None:
    sources = {k: v for k, v in fintech()["sources"].items() if not k.startswith("population")}
    world = scenario.load("fintech")
    bare = world.model_copy(update={"sources": sources})
    assert "population.archetype.mix.0" in bare.unsourced()
    assert not [p for p in bare.unsourced() if not p.startswith("population")]
    with pytest.raises(ConfigError, match="no source covers the number population"):
        scenario.load(bare)


def test_tables_of_arms_are_indexed_by_arm_and_archetype() -> None:
    table = ArmTable.of(scenario.load("fintech").arms)
    names = scenario.load("fintech").arm_names
    at = names.index("bonus_20")
    effects = scenario.load("fintech").arms[at].effects
    assert table.k == len(names)
    assert table.activity_logit[at * 4 : at * 4 + 4] == pytest.approx(effects.activity_logit)
    assert table.contacts.tolist() == [0.0] + [1.0] * (table.k - 1)
    assert table.bonus[at] == 20.0


def test_a_world_that_is_given_whole_and_unchanged_is_taken_as_it_is() -> None:
    world = scenario.load("fintech")
    assert scenario.load(world) is world
    assert scenario.load(world, [{}]) is world
    assert scenario.load(world, [{"weeks": 3}]).weeks == 3
