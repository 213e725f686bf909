"""One contract for every agent that `agents.names()` lists."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import agents
from agents.interface import Agent, Decision
from agents.learner import Learner
from agents.safety import usage_of
from rage_env.errors import ConfigError, DecisionError, UnknownNameError
from rage_env.guardrails import Guardrail
from rage_env.interface import Feedback, Observation
from tests.contracts.agent_toy import GUARDRAILS, K, Toy, problem, warmed

AGENTS = agents.names()
LEARNERS = [name for name in AGENTS if not agents.load(name).unconstrained]
_ROOT = Path(agents.__file__).parent
_MAY_IMPORT = {"interface", "guardrails", "log", "outcomes", "errors", "randomness"}


@pytest.fixture(params=AGENTS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=LEARNERS)
def learner(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def quick(name: str, **params: object) -> Agent:
    """The agent, fitting early where it fits on a schedule."""
    fields = agents.policy(name).Params.model_fields
    return agents.load(name, **({"refit_weeks": (2,)} if "refit_weeks" in fields else {}), **params)


def test_every_shipped_agent_is_found_by_its_file_name() -> None:
    expected = {"no_offer", "random", "blanket", "status_quo"}
    expected |= {
        "neural_linear",
        "squarecb",
        "propensity_greedy",
        "gates",
        "uplift_greedy",
        "constrained_thompson",
        "lagrangian_linucb",
    }
    expected |= {"epsilon_mixture", "risk_biased", "value_biased", "deterministic_floor"}
    assert expected <= set(AGENTS)
    for held in AGENTS:
        assert isinstance(agents.load(held), Agent)
        assert agents.load(held).name == held


def test_a_misspelt_agent_or_parameter_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'blanket'"):
        agents.load("blankt")
    with pytest.raises(ConfigError, match="alhpa is not a parameter: did you mean 'alpha'") as caught:
        agents.load("lagrangian_linucb", alhpa=1.0, caution=-1.0)
    assert len(caught.value.problems) == 2
    blanket = agents.load("blanket", arm="bonu")
    with pytest.raises(ConfigError, match="did you mean 'bonus'"):
        blanket.start(problem())


def test_the_same_seed_and_history_give_the_same_decision(name: str) -> None:
    first, second = (warmed(quick(name, seed=3), Toy(), 3) for _ in range(2))
    assert np.array_equal(first.probs, second.probs)


def test_probabilities_are_valid_and_departed_users_are_left_alone(name: str) -> None:
    toy = Toy(seed=1, closed_arm=3)
    decision = warmed(quick(name), toy, 3)
    seen = toy.observe()
    decision.check(seen)
    assert (~seen.present).any()
    assert (decision.probs[~seen.present, 0] == 1).all()
    assert (decision.probs[:, 3] == 0).all()
    assert decision.probs.dtype == np.float32


def test_a_decision_does_not_depend_on_how_often_it_is_asked_for(name: str) -> None:
    toy, agent = Toy(seed=2), quick(name)
    first = warmed(agent, toy, 2)
    assert np.array_equal(first.probs, agent.decide(toy.observe()).probs)


def _drawn(probs: NDArray[np.float32], times: int, seed: int) -> NDArray[np.float64]:
    """(k,) how often each arm came up beyond its probability, in standard errors."""
    rng = np.random.default_rng(seed)
    p = probs.astype(np.float64)
    total = p.cumsum(axis=1)
    counts = np.zeros(p.shape[1])
    for _ in range(times):
        counts += np.bincount((rng.random((len(p), 1)) * total[:, -1:] > total).sum(axis=1), minlength=p.shape[1])
    se = np.sqrt(times * (p * (1 - p)).sum(axis=0)) + 1e-6 * times
    return np.asarray((counts - times * p.sum(axis=0)) / se)


def test_arms_come_up_as_often_as_the_logged_propensities_say(name: str) -> None:
    probs = warmed(quick(name), Toy(seed=4), 3, floor=0.02).probs
    drawn = _drawn(probs, 400, 5)
    assert (np.abs(drawn) < 4.8).all()  # four arms, a dozen agents: luck fails it once in 1e4
    other = (probs.argmax(axis=1) + 1) % K
    slipped = 0.95 * probs + 0.05 * np.eye(K, dtype=np.float32)[other]  # a draw that slips arms in unlogged
    mean, spread = slipped.astype(np.float64), np.sqrt(400 * (probs * (1 - probs)).sum(axis=0, dtype=np.float64))
    beyond = 400 * (mean - probs).sum(axis=0) / (spread + 1e-4 * 400)
    assert (np.abs(beyond) > 4.8).any()


def _cases() -> Iterator[tuple[str, Toy]]:
    yield "one user", Toy(n=1)
    alone = Toy(n=50)
    alone.present = np.arange(50) == 7
    yield "one survivor", alone
    nobody = Toy(n=20)
    nobody.present = np.zeros(20, np.bool_)
    yield "nobody left", nobody


def test_agents_survive_a_world_of_one_and_of_none(name: str) -> None:
    for _, toy in _cases():
        warmed(quick(name), toy, 3, floor=0.01).check(toy.observe())


def test_agents_survive_weeks_without_any_feedback(name: str) -> None:
    agent, toy = quick(name), Toy()
    agent.start(problem(0.01))
    for _ in range(6):
        toy.week += 1
        agent.decide(toy.observe()).check(toy.observe())


def test_an_arm_that_was_never_tried_stays_a_finite_belief(learner: str) -> None:
    toy = Toy(closed_arm=2)
    agent = quick(learner)
    warmed(agent, toy, 3)
    toy.closed_arm = None
    agent.decide(toy.observe()).check(toy.observe())


def test_features_that_are_not_numbers_are_refused(name: str) -> None:
    toy = Toy(n=30)
    warmed(quick(name), toy, 1)
    toy.fixed = toy.fixed.copy()
    toy.fixed[3, 1] = np.nan
    with pytest.raises(DecisionError, match="feature 1 of user 3 is not finite"):
        quick(name).decide(toy.observe())


def test_a_saved_agent_decides_as_the_one_that_went_on(name: str) -> None:
    for weeks in (0, 3):
        toy, agent = Toy(seed=6), quick(name, seed=2)
        warmed(agent, toy, weeks)
        arrays, facts = agent.save()
        arrays = {k: np.array(v, copy=True) for k, v in arrays.items()}
        assert all(a.dtype != object for a in arrays.values())
        again = quick(name, seed=2)
        again.start(problem())
        again.load(arrays, json.loads(json.dumps(facts)))
        assert np.array_equal(agent.decide(toy.observe()).probs, again.decide(toy.observe()).probs)


def test_a_saved_burn_in_is_not_lost(name: str) -> None:
    toy, agent, again = Toy(seed=6), quick(name), quick(name)
    agent.start(problem())
    for _ in range(3):
        agent.learn(toy.live())
    again.start(problem())
    again.load(*agent.save())
    last = toy.live()
    for one in (agent, again):
        one.learn(last)
    assert np.array_equal(agent.decide(toy.observe()).probs, again.decide(toy.observe()).probs)


def test_the_state_of_another_agent_is_refused(name: str) -> None:
    agent = quick(name)
    agent.start(problem())
    with pytest.raises(DecisionError, match="cannot take the state of"):
        agent.load({}, {"name": "somebody"})


def test_agents_refuse_to_work_before_they_know_the_problem(name: str) -> None:
    with pytest.raises(DecisionError, match="start"):
        quick(name).decide(Toy(n=5).observe())


def test_an_agent_describes_itself_as_plain_json(name: str) -> None:
    agent = quick(name)
    warmed(agent, Toy(n=40), 2)
    assert json.loads(json.dumps(agent.describe()))["name"] == name


def _overspent(agent: Learner, seen: Observation, decision: Decision) -> dict[str, float]:
    """Usage beyond both limit and leaving alone, on the agent's own cautious beliefs, relative to spread."""
    guard = agent.guard(seen)
    probs, none = decision.probs.astype(np.float64), guard.nobody
    out = {}
    for row, floor in zip(guard.rows(probs), guard.rows(guard.base), strict=True):
        limit = np.maximum(np.atleast_1d(np.asarray(row.limit)), usage_of(floor, guard.base))
        limit = np.maximum(limit, usage_of(row, none))
        out[row.name] = float((usage_of(row, probs) - limit).max()) / float(np.abs(row.coef).sum())
    return out


def test_learners_keep_every_guardrail_on_their_own_beliefs(learner: str) -> None:
    agent, toy = quick(learner), Toy(n=600, seed=8)
    assert isinstance(agent, Learner)
    agent.start(problem(0.01))
    while toy.week < 0:
        agent.learn(toy.live())
    for _ in range(4):
        seen = toy.observe()
        decision = agent.decide(seen)
        assert max(_overspent(agent, seen, decision).values()) < 1e-6
        agent.learn(toy.live(decision.probs))
    everyone = Decision(np.tile(np.eye(K, dtype=np.float32)[3], (600, 1)))  # a loan for all must not pass
    assert max(_overspent(agent, toy.observe(), everyone).values()) > 1e-4


def test_head_counts_never_exceed_their_limit_after_rounding(learner: str) -> None:
    toy = Toy(n=500, seed=9)
    probs = warmed(quick(learner), toy, 3, floor=0.01).probs
    contacts = float(probs[:, 1:].sum(dtype=np.float64))
    assert contacts <= int(0.4 * toy.present.sum()) + 1e-9


def test_the_floor_is_under_every_allowed_arm(learner: str) -> None:
    floor = np.where(np.arange(400) % 5 == 0, 0.01, 0.0)
    toy = Toy(n=400, seed=10)
    probs = warmed(quick(learner), toy, 2, floor=floor).probs
    held = toy.present & (floor > 0)
    assert (probs[held] >= 0.01 - 1e-6).all()


def test_a_limit_that_nobody_can_keep_makes_learners_no_worse_than_leaving_alone(learner: str) -> None:
    harsh = (GUARDRAILS[0].model_copy(update={"limit": 1e-7}), *GUARDRAILS[1:])
    agent, toy = quick(learner), Toy(seed=11)
    agent.start(problem(0.0, harsh))
    while toy.week < 0:
        agent.learn(toy.live())
    for _ in range(3):
        seen = toy.observe()
        decision = agent.decide(seen)
        assert isinstance(agent, Learner)
        assert max(_overspent(agent, seen, decision).values()) < 1e-6
        loans = Decision(np.tile(np.eye(K, dtype=np.float32)[3], (toy.n, 1)))
        assert max(_overspent(agent, seen, loans).values()) > 1e-4
        agent.learn(toy.live(decision.probs))


def test_learners_keep_limits_of_segments_and_of_longer_windows(learner: str) -> None:
    rails = (*GUARDRAILS, Guardrail(name="few", numerator={"contacts": 1.0}, limit=60.0, horizon="month"))
    agent, toy = quick(learner), Toy(seed=12)
    toy.to_date = np.zeros((2, len(rails)))
    toy.to_date[0, -1] = 50.0
    agent.start(problem(0.0, rails))
    while toy.week < 0:
        agent.learn(toy.live())
    assert agent.decide(toy.observe()).probs[:, 1:].sum() <= 10.0 + 1e-6


def test_departed_users_are_never_learned_from(learner: str) -> None:
    def told(amount: float) -> NDArray[np.float32]:
        toy, agent = Toy(n=200, seed=13), quick(learner)
        warmed(agent, toy, 1)
        fed = toy.live(agent.decide(toy.observe()).probs)
        gone = ~fed.new.present
        assert gone.any()
        columns = {c: np.where(gone, np.float32(amount), v) for c, v in fed.new.columns.items()}
        agent.learn(Feedback(replace(fed.new, columns=columns), fed.reports))
        return agent.decide(toy.observe()).probs

    assert np.array_equal(told(0.0), told(1.0))


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def _trespasses(modules: Iterator[str]) -> list[str]:
    ours = [m.split(".") for m in modules if m.split(".")[0] in ("rage_env", "experiments")]
    return [".".join(m) for m in ours if m[0] == "experiments" or len(m) < 2 or m[1] not in _MAY_IMPORT]


def test_no_agent_can_reach_the_simulator_or_its_truth() -> None:
    for path in sorted(_ROOT.rglob("*.py")):
        assert not _trespasses(_imports(path)), path
    assert _trespasses(iter(["rage_env.truth"]))
    assert _trespasses(iter(["rage_env"]))
    assert _trespasses(iter(["experiments.oracle"]))
