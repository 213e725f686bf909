"""A policy taken out of its run decides as the agent would have gone on to, and is nothing but arrays and JSON."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import agents
from experiments.serving.answer import answer, columns_of
from experiments.serving.example import rows_of
from experiments.serving.freezing import Origin, freeze
from experiments.serving.frozen import Frozen, Held
from rage_env.errors import LogError
from rage_env.interface import Observation
from tests.contracts.agent_toy import Toy, problem, warmed

SEED = 4


def frozen(name: str, **params: object) -> tuple[Frozen, Observation, agents.interface.Agent]:
    """A policy after three weeks of the toy world, what it would see next, and the agent itself."""
    toy, agent = Toy(n=120), agents.load(name, **params)
    warmed(agent, toy, 3)
    origin = Origin(name, params, SEED, None, {"agent": name, "scenario": "toy"})
    seen = toy.observe()
    last = replace(seen, features=np.asfortranarray(seen.features))  # as the world lays them out
    return freeze(agent, origin, problem(), last), last, agent


def through_json(table: pd.DataFrame) -> pd.DataFrame:
    """The table as a server gets it."""
    return pd.DataFrame(json.loads(table.to_json(orient="records", double_precision=15)))


@pytest.mark.parametrize("name", agents.names())
def test_every_agent_can_be_served_and_answers_with_its_own_probabilities(name: str, tmp_path: Path) -> None:
    policy, last, agent = frozen(name)
    again = Frozen.load(policy.save(tmp_path))
    found = answer(again, through_json(rows_of(again, last)), {})
    mine = agent.decide(last).probs
    assert tuple(found.columns) == columns_of(again)
    assert np.array_equal(found.filter(like="prob_").to_numpy(np.float32), mine)
    assert np.allclose(found.filter(like="prob_").sum(axis=1), 1, atol=1e-6)
    taken = [found[f"prob_{arm}"][row] for row, arm in enumerate(found["arm"])]
    assert found["propensity"].tolist() == taken
    assert (found["propensity"] > 0).all()
    few = answer(again, rows_of(again, last, np.flatnonzero(last.present)[:7]), {})
    assert len(few) == 7


def test_without_its_state_a_policy_would_decide_otherwise() -> None:
    policy, last, _ = frozen("lagrangian_linucb")
    fresh = agents.load("lagrangian_linucb")
    fresh.start(problem())
    arrays, facts = fresh.save()
    assert not np.array_equal(policy.decide(last).probs, replace(policy, arrays=arrays, facts=facts).decide(last).probs)


def test_the_same_request_gets_the_same_answer_and_another_seed_other_arms() -> None:
    policy, last, _ = frozen("random")
    rows = rows_of(policy, last)
    first, second = (answer(policy, rows, {}) for _ in range(2))
    assert first.equals(second)
    other = answer(policy, rows, {"seed": SEED + 1})
    assert other.filter(like="prob_").equals(first.filter(like="prob_"))
    assert (other["arm"] != first["arm"]).any()
    assert (answer(policy, rows, {"week": last.week + 1})["arm"] != first["arm"]).any()


def test_the_floor_belongs_to_units_and_not_to_places_in_a_batch() -> None:
    policy, last, _ = frozen("lagrangian_linucb")
    held = replace(policy, held=Held(propensity=0.02, share=0.5))
    there = np.flatnonzero(last.present)
    all_of_them = held.decide(last).probs[there].min(axis=1) > 0.019
    assert 0.3 < all_of_them.mean() < 0.7
    some = answer(held, rows_of(held, last, there[40:60]), {})
    assert ((some.filter(like="prob_").min(axis=1) > 0.019).to_numpy() == all_of_them[40:60]).all()


def test_rows_of_one_unit_get_one_decision() -> None:
    policy, last, _ = frozen("lagrangian_linucb")
    there = np.flatnonzero(last.present)[:20]
    rows = rows_of(policy, last, there).assign(unit=np.arange(20) // 2)
    found = answer(policy, rows, {}).filter(like="prob_").to_numpy()
    assert np.array_equal(found[::2], found[1::2])


def test_a_saved_policy_holds_no_pickle_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    policy, _, _ = frozen("constrained_thompson")
    policy.save(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"policy.npz", "policy.json"}
    with np.load(tmp_path / "policy.npz", allow_pickle=False) as held:
        assert all(held[name].dtype != object for name in held.files)
    told = json.loads((tmp_path / "policy.json").read_text())
    (tmp_path / "policy.json").write_text(json.dumps({**told, "form": 2}))
    with pytest.raises(LogError, match="a policy of form 2, this release reads 1; promote it again"):
        Frozen.load(tmp_path)
    (tmp_path / "policy.json").write_text(json.dumps({k: v for k, v in told.items() if k != "problem"}))
    with pytest.raises(LogError, match=r"damaged, or no policy of ours .'problem'.; promote it again"):
        Frozen.load(tmp_path)
    (tmp_path / "policy.json").write_text(json.dumps(told))
    pickled = io.BytesIO()
    np.savez(pickled, trap=np.array([{}], dtype=object))
    (tmp_path / "policy.npz").write_bytes(pickled.getvalue())
    with pytest.raises(LogError, match="allow_pickle=False"):
        Frozen.load(tmp_path)
