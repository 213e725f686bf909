"""Muted notifications: a geometric count that belongs to the seat, that is seen, and that archetypes are drawn from."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rage_env import scenario
from rage_env.cohort import CohortEnv
from rage_env.errors import ConfigError, WorldError
from rage_env.invariants.sameness import shards_make_no_difference
from rage_env.mechanisms import muting
from rage_env.mutants.neighbours import MutedByPlace
from rage_env.randomness import Draw, Noise, person_keys, seed_key
from rage_env.seating import BLOCK
from rage_env.state import Archetype
from rage_env.trial import Trial

SLOTS = 64 * BLOCK
MANY = 4  # kinds from which nearly all are sleeping dogs


def world(**fields: object) -> CohortEnv:
    env = CohortEnv(SLOTS, "b2b_nudge", seed=6, scenario=fields)
    env.reset()
    return env


def test_each_kind_beyond_the_last_is_muted_by_the_same_share_of_those_who_went_so_far() -> None:
    """Shares of 200,000 seats: off by 5 standard errors less than once in a million."""
    params = muting.Params(kinds=3, one_more=0.4)
    key, slot = seed_key(11), np.arange(200_000)
    muted = muting.drivers(key, slot, {}, params)["muted"]
    assert set(muted.tolist()) == {0.0, 1.0, 2.0, 3.0}
    for kinds in (1, 2, 3):
        share = 0.4**kinds
        assert abs((muted >= kinds).mean() - share) < 5 * math.sqrt(share * (1 - share) / len(slot))
    luck = Noise(key, person_keys(key, slot[:50]), 0).uniform64(Draw.MUTED)
    by_hand = [min(sum(u < 0.4**j for j in range(1, 40)), 3) for u in luck.tolist()]
    assert muted[:50].tolist() == by_hand


def test_a_seat_keeps_its_settings_whoever_else_is_asked_for_and_they_are_seen() -> None:
    env = world()
    params = env.scenario.used["muting"]
    some = np.array([9_000, 3, 777])
    assert np.array_equal(muting.drivers(env.key, some, {}, params)["muted"], env.traits.more["muted"][some])
    seen = env.reset(seed=6)[0][:, env.features.names.index("muted_kinds")]
    here = env.lives.alive
    assert np.array_equal(seen[here], env.traits.more["muted"][here])
    assert seen.max() <= params.kinds


def test_sleeping_dogs_are_those_who_muted_most_and_without_the_driver_they_are_anybody() -> None:
    """Without it one seat in thirty has muted as much, of 500 dogs: above 8 % less than once in 10,000."""
    shares = []
    for effect in (12.0, 0.0):
        env = world(population={"archetype": {"drivers": {"muted": [0.0, 0.0, 0.0, effect]}}})
        here = env.lives.alive
        muted, dog = env.traits.more["muted"][here] >= MANY, env.traits.archetype[here] == Archetype.SLEEPING_DOG
        assert 300 < dog.sum() < 700
        shares.append((muted[dog].mean(), dog[muted].mean()))
    assert shares[0] > (0.99, 0.0)
    assert 0.9 < shares[0][1] < 0.99
    assert max(shares[1]) < 0.08


def test_no_column_alone_tells_who_is_a_sleeping_dog() -> None:
    """`rage check` refuses a column whose correlation with an archetype is above .98; even this threshold is below."""
    env = world()
    here = env.lives.alive
    muted, dog = env.traits.more["muted"][here], env.traits.archetype[here] == Archetype.SLEEPING_DOG
    assert np.corrcoef(muted, dog)[0, 1] < 0.7
    assert max(np.corrcoef(muted == kinds, dog)[0, 1] for kinds in range(8)) < 0.8
    assert 0.95 < np.corrcoef(muted >= MANY, dog)[0, 1] < 0.98


def test_settings_that_follow_the_place_in_a_shard_are_refused() -> None:
    shards_make_no_difference(Trial.run(CohortEnv(1, "b2b_nudge"), 800, 2, seed=0))
    with pytest.raises(WorldError, match="alone must live as in the whole"):
        shards_make_no_difference(Trial.run(MutedByPlace(1, "b2b_nudge"), 800, 2, seed=0))


def test_a_driver_that_no_mechanism_gives_is_refused() -> None:
    drivers = {"muted": [0.0, 0.0, 0.0, 1.0]}
    with pytest.raises(ConfigError, match=r"drivers\.muted: nobody mutes anything; add the mechanism muting"):
        CohortEnv(5, "fintech", scenario={"population": {"archetype": {"drivers": drivers}}})


@pytest.mark.parametrize(
    ("params", "told"),
    [({"kinds": 0}, "greater than or equal to 1"), ({"one_more": 1.0}, "less than 1"), ({"one_more": 0.0}, "than 0")],
)
def test_impossible_settings_are_refused(params: dict[str, float], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        scenario.load("b2b_nudge", [{"mechanisms": {"muting": params}}])
