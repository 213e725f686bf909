"""Archetypes are what they are called: by the signs of conditional mean effects, in every shipped world."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from rage_env import configs
from rage_env.cohort import CohortEnv
from rage_env.errors import DecisionError
from rage_env.state import Archetype

GOOD = {"pre_delinquency": ("late", -1.0)}  # {world: what its offers are for, and which way is good}; else activity
NULL = ("null_effects", "null_heterogeneity")
WORLDS = [name for name in configs.names("scenarios") if name not in NULL]


@cache
def effects(world: str) -> NDArray[np.float64]:
    """(4, k - 1) mean effects of a cohort's first week, larger is better."""
    env = CohortEnv(4_096, world)
    env.reset(seed=23)
    column, sign = GOOD.get(world, ("active", 1.0))
    out: NDArray[np.float64] = sign * env.truth.effects_by_archetype(column)
    return out


def true_to_name(effect: NDArray[np.float64]) -> bool:
    """No arm harms persuadables or helps sleeping dogs; the strongest hardly moves the two others."""
    persuaded, dogs = effect[Archetype.PERSUADABLE], effect[Archetype.SLEEPING_DOG]
    strongest = int(np.argmax(persuaded))
    unmoved = np.abs(effect[[Archetype.SURE_THING, Archetype.LOST_CAUSE], strongest])
    return bool(
        (persuaded >= 0).all()
        and (dogs <= 0).all()
        and persuaded[strongest] > 0 > dogs.min()
        and (unmoved < 0.5 * persuaded[strongest]).all()
    )


@pytest.mark.parametrize("world", WORLDS)
def test_an_archetype_keeps_the_signs_that_its_name_promises(world: str) -> None:
    assert true_to_name(effects(world))
    assert not true_to_name(effects(world)[::-1])


def test_in_null_worlds_no_archetype_differs_from_another() -> None:
    assert (effects("null_effects") == 0).all()
    np.testing.assert_allclose(
        effects("null_heterogeneity"), effects("null_heterogeneity")[[0]].repeat(4, 0), rtol=0.01
    )


def test_an_effect_on_a_column_that_does_not_exist_is_refused() -> None:
    env = CohortEnv(8)
    env.reset(seed=1)
    with pytest.raises(DecisionError, match="'activ' is not a column of the ledger: did you mean 'active'"):
        env.truth.effects_by_archetype("activ")
