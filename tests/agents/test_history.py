from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import agents
from agents.beliefs.late import LateRidge
from agents.beliefs.rates import RatePrior, Rates
from agents.interface import Agent
from agents.learner import Learner
from rage_env.errors import LogError
from rage_env.log import CohortLog, LogMeta, Reports
from tests.contracts.agent_toy import ARMS, Toy, problem

LEARNERS = tuple(name for name in agents.names() if "history" in agents.policy(name).Params.model_fields)


def lived_log(folder: Path, names: tuple[str, ...] | None = None) -> str:
    """Eight weeks in which every arm was given to a quarter of the users."""
    toy = Toy(n=300, seed=21, week=0)
    lived = []
    for _ in range(8):
        alone = np.eye(len(ARMS), dtype=np.float32)[np.zeros(toy.n, np.intp)]
        lived.append(toy.live(np.where(toy.present[:, None], np.float32(0.25), alone)))
    features = problem().feature_names if names is None else names
    meta = LogMeta(tuple(a.name for a in ARMS), features, 80.0)
    log = CohortLog(meta, tuple(f.new for f in lived), Reports.concat([f.reports for f in lived]))
    return str(log.write(folder))


def first_decision(agent: Agent, toy: Toy) -> NDArray[np.float32]:
    agent.start(problem(0.01))
    while toy.week < 0:
        agent.learn(toy.live())
    return agent.decide(toy.observe()).check(toy.observe()).probs


@pytest.mark.parametrize("name", LEARNERS)
def test_an_agent_with_a_history_knows_more_in_its_first_week_and_stays_deterministic(
    name: str, tmp_path: Path
) -> None:
    folder = lived_log(tmp_path)
    fresh = first_decision(agents.load(name), Toy(n=300, seed=6))
    first, second = (first_decision(agents.load(name, history=folder), Toy(n=300, seed=6)) for _ in range(2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, fresh)


@pytest.mark.parametrize("name", LEARNERS)
def test_a_history_is_saved_with_the_state_and_not_learned_twice(name: str, tmp_path: Path) -> None:
    folder = lived_log(tmp_path)
    toy, agent, again = Toy(n=300, seed=6), agents.load(name, history=folder), agents.load(name, history=folder)
    probs = first_decision(agent, toy)
    again.start(problem(0.01))
    again.load(*agent.save())
    assert np.array_equal(again.decide(toy.observe()).probs, probs)


def test_a_history_counts_treated_rows_and_the_run_begins_before_its_own_burn_in(tmp_path: Path) -> None:
    agent = agents.load("lagrangian_linucb", history=lived_log(tmp_path), keep=1.0)
    assert isinstance(agent, Learner)
    agent.start(problem())
    agent.save()
    assert agent.belief.churn.rows[1:].min() > 300  # a quarter of some 2,000 rows each
    assert agent.belief.last_week == -problem().burn_in_weeks - 1


def test_a_log_of_another_world_is_refused_with_what_differs(tmp_path: Path) -> None:
    folder = lived_log(tmp_path, ("risk", "log_gmv_4w", "churn_signal", "plan", "mood"))
    with pytest.raises(LogError, match=r"has other features than this world \(mood, active_4w\)"):
        agents.load("squarecb", history=folder).start(problem())
    with pytest.raises(LogError, match="no such file"):
        agents.load("squarecb", history=str(tmp_path / "none")).start(problem())


def test_closing_the_books_changes_no_belief() -> None:
    share = np.array([0.0, 0.25, 0.5, 1.0])
    rates = Rates(1, RatePrior(np.array([0.1]), np.array([1.0]), False), share)
    late = LateRidge(1, 1, 2.0, share)
    for week in range(3):
        rates.expose(week, np.zeros(5, np.intp), np.ones(5))
        late.add(week, np.arange(5), np.ones((5, 1), np.float32), np.ones(5, np.float32))
    rates.observe(np.zeros(2, np.intp), np.ones(2))
    before, loss = rates.posterior(2), late.posterior(2)
    rates.close(2)
    late.close(2)
    assert np.allclose(rates.posterior(40), before)
    assert np.allclose(late.posterior(40).mean, loss.mean)
    assert np.allclose(late.posterior(40).covariance, loss.covariance)
