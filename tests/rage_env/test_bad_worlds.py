"""Numbers that no world can have are refused by path and rule, whichever world they are put into."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest

from experiments import cli
from rage_env import configs, scenario
from rage_env.errors import ConfigError, DecisionError

WORLDS = configs.names("scenarios")
IMPOSSIBLE = {
    "population.archetype.mix=[0.5, 0.5, 0.5, 0.5]": ("population.archetype.mix", "sum to 1; they sum to 2"),
    "population.fraud_mix=[1.5, -0.5, 0.0, 0.0]": ("population.fraud_mix", "shares must be >= 0 and sum to 1"),
    "mechanisms.churn.highest_rate=-0.1": ("mechanisms.churn.highest_rate", "greater than 0; got -0.1"),
    "mechanisms.offers.take_rate=-0.1": ("mechanisms.offers.take_rate", "greater than or equal to 0; got -0.1"),
    "arms.1.contact_cost_usd=-1.0": ("arms.1.contact_cost_usd", "greater than or equal to 0; got -1"),
    "arms.1.contact_cost_usd=null": ("arms.1.contact_cost_usd", "valid number; got null"),
    "guardrails=[{name: g, numerator: {los_fraud: 1.0}, limit: 1.0}]": (
        "guardrails.0", "'los_fraud' is not a column of the ledger: did you mean 'loss_fraud'?"),
    "drift=[{target: mechanisms.churn.rate, kind: linear, size: 0.1}]": (
        "drift.0.target", "no number stands at 'mechanisms.churn.rate': did you mean 'mechanisms.churn.highest_rate'?"),
    "drift=[{target: mechanisms.churn.highest_rate, kind: abrupt, size: 1.0}]": (
        "drift.0", "mechanisms.churn.highest_rate would leave its range"),
}  # fmt: skip


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("change", list(IMPOSSIBLE))
def test_an_impossible_number_is_refused_by_path_and_rule(world: str, change: str) -> None:
    path, rule = IMPOSSIBLE[change]
    with pytest.raises(ConfigError) as caught:
        scenario.load(world, [change])
    assert any(path in told and rule in told for told in caught.value.problems), caught.value.problems


@pytest.mark.parametrize("world", WORLDS)
def test_an_arm_without_its_cost_is_named_as_lacking_it(world: str) -> None:
    arms = scenario.load(world).model_dump(mode="json")["arms"]
    del arms[1]["contact_cost_usd"]
    with pytest.raises(ConfigError, match=r"arms\.1\.contact_cost_usd: is required and missing"):
        gymnasium.make_vec(f"rage/{world}-v0", num_envs=512, arms=arms)


@pytest.mark.parametrize("change", list(IMPOSSIBLE))
def test_the_command_line_tells_it_without_a_traceback_and_leaves_with_2(
    change: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["describe", "fintech", change]) == 2
    said = capsys.readouterr()
    assert "Traceback" not in said.err + said.out
    assert IMPOSSIBLE[change][0] in " ".join((said.err + said.out).split())


@pytest.mark.parametrize("world", WORLDS)
def test_an_action_that_cannot_be_names_the_first_offending_user(world: str) -> None:
    env = gymnasium.make_vec(f"rage/{world}-v0", num_envs=512)
    _, info = env.reset(seed=2)
    arm = np.zeros(512, np.int64)
    wrong = {
        "user 500 is the first without one": arm[:500],
        "nobody comes after user 511": np.zeros(513, np.int64),
        "user 0 is the first whose action is none": arm.astype(np.float64),
        "user 17: arm 99 does not exist": np.where(np.arange(512) == 17, 99, arm),
    }
    forbidden = np.flatnonzero((info["action_mask"][:, 1] == 0) & info["present"])
    if len(forbidden):
        wrong[f"user {forbidden[0]}: arm {scenario.load(world).arm_names[1]} is masked"] = np.ones(512, np.int64)
    for said, actions in wrong.items():
        with pytest.raises(DecisionError, match=said):
            env.step(actions)


def test_a_masked_arm_is_tried_in_some_world() -> None:
    env = gymnasium.make_vec("rage/b2b_nudge-v0", num_envs=512)
    _, info = env.reset(seed=2)
    assert ((info["action_mask"][:, 1] == 0) & info["present"]).any()
