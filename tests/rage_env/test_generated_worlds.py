"""Whatever numbers a scenario holds, the world that comes of it keeps every invariant."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from rage_env import hooks, invariants, scenario
from rage_env.checks import check_world
from rage_env.cohort import CohortEnv
from rage_env.errors import WorldError
from rage_env.mutants.luck import LuckByRow
from rage_env.scenario import Scenario
from tests.rage_env.strategies import true_bounds, worlds

WEEKS = 4
FEW, MANY = 8, 150
DRAWN = settings(
    deadline=None,
    derandomize=True,
    phases=(Phase.generate,),  # a world of hundreds of numbers takes minutes to shrink
    report_multiple_bugs=False,
    suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large),
)


def users(world: Scenario) -> int:
    return max(160, 2 * hooks.grain(world.used) + 8)  # a shard beside another needs two whole grains


def keeps_every_invariant(world: Scenario) -> None:
    whole = true_bounds(world, users(world), WEEKS)
    assert len(check_world(CohortEnv(1, whole), users=users(whole), weeks=WEEKS)) == len(invariants.every())


@settings(DRAWN, max_examples=FEW)
@given(world=worlds())
def test_a_world_of_any_numbers_keeps_every_invariant(world: Scenario) -> None:
    keeps_every_invariant(world)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@settings(DRAWN, max_examples=MANY)
@given(world=worlds())
def test_many_more_worlds_of_any_numbers_keep_every_invariant(world: Scenario) -> None:
    keeps_every_invariant(world)


@settings(DRAWN, max_examples=2)
@given(world=worlds())
def test_a_broken_world_of_any_numbers_is_refused(world: Scenario) -> None:
    whole = true_bounds(world, users(world), WEEKS)
    with pytest.raises(WorldError):
        check_world(LuckByRow(1, whole), users=users(whole), weeks=WEEKS)


def test_a_bonus_and_cashback_of_one_arm_together_stay_below_its_cap_in_draw_and_mean() -> None:
    both = {"bonus_usd": 5.0, "redemption_rate": 0.5, "cashback_rate": 0.2, "offer_cap_usd": 25.0}
    world = {"arms": {"cashback": both}}
    assert check_world(CohortEnv(1, scenario=world), users=600, weeks=4)


def test_empty_seats_between_accounts_stay_empty_while_the_population_grows() -> None:
    grows = {"arrivals": {"initial_share": 0.3, "growth": 0.2}, "sources": {"arrivals": "assumed"}}
    assert check_world(CohortEnv(1, "b2b_nudge", scenario=grows), users=800, weeks=4)


def test_users_meet_the_cohort_s_abusers_only_through_the_sums_they_are_told() -> None:
    many = {"population": {"fraud_mix": [0.5, 0.5, 0.0, 0.0]}, "mechanisms": {"abuse": {"adaptive": True}}}
    world = true_bounds(scenario.load("fintech", many), 600, WEEKS)
    assert check_world(CohortEnv(1, world), users=600, weeks=WEEKS)
