"""How fine the trees of learned effects are is a parameter of the agent; the default is the small one."""

from __future__ import annotations

from pathlib import Path

import pytest

import agents
from agents.beliefs.trees import SMALL, Growth
from agents.effect_learner import EffectLearner, EffectParams
from rage_env.errors import ConfigError
from tests.agents.test_history import first_decision, lived_log
from tests.contracts.agent_toy import Toy


def test_by_default_trees_are_small_and_each_number_is_that_of_the_growth() -> None:
    assert EffectParams().growth == SMALL
    asked = EffectParams(trees=7, leaves=9, leaf_rows=400, bins=200).growth
    assert asked == Growth(trees=7, leaves=9, least_rows=400, bins=200)


@pytest.mark.parametrize("learner", ["t", "x", "dr"])
def test_an_agent_grows_as_many_trees_as_it_was_told(learner: str, tmp_path: Path) -> None:
    agent = agents.load("gates", history=lived_log(tmp_path), learner=learner, trees=3, leaves=4)
    first_decision(agent, Toy(n=300, seed=6))
    assert isinstance(agent, EffectLearner)
    assert agent.effects is not None
    forests = [f for arm in agent.effects.models for f in arm]
    assert forests
    sides = 1 if learner == "dr" else 2  # t and x blend one forest of each side
    assert {len(f.leaf) for f in forests} == {3 * sides}
    assert max(f.leaf.shape[1] for f in forests) <= 4


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"leaves": 65}, "leaves: .*64"),
        ({"bins": 256}, "bins: .*255"),
        ({"trees": 0}, "trees"),
        ({"leaf_rows": 0}, "leaf_rows"),
    ],
)
def test_trees_that_cannot_be_grown_are_refused_by_name(params: dict[str, int], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        agents.load("gates", **params)
