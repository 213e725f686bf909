"""One run: what agents are told, what is drawn for them, and what the record says."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from agents.interface import Decision
from experiments import runner
from experiments.acting import floor_of, problem_of
from experiments.cohorts import cohort
from experiments.config import AgentEntry, ExperimentConfig, OpeTarget
from experiments.offline import target_probs
from experiments.run_book import RunOutcome
from experiments.runner import agent_of, run_agent
from rage_env.errors import DecisionError
from rage_env.interface import Feedback, Observation

Small = Callable[..., ExperimentConfig]


def run(config: ExperimentConfig, kind: str, seed: int = 1, **params: object) -> RunOutcome:
    return run_agent(config, AgentEntry.model_validate({"kind": kind, **params}), seed)


def test_agents_are_told_the_floor_and_those_that_follow_a_rule_have_none(small: Small) -> None:
    config = small()
    env, observation = cohort(config, 1)
    held = floor_of(agent_of(config, AgentEntry(kind="lagrangian_linucb")), 1, observation, config.floor)
    assert held is not None
    floor = np.asarray(problem_of(env, config.weeks, config.floor, held).floor)
    assert set(np.unique(floor)) == {0.0, 0.01}
    for kind in ("no_offer", "random", "status_quo", "oracle_latent"):
        assert floor_of(agent_of(config, AgentEntry(kind=kind)), 1, observation, config.floor) is None


def test_the_contact_capacity_of_a_constrained_agent_holds_in_every_single_draw(small: Small) -> None:
    config = small()
    for seed in (1, 2, 3):
        weekly = run(config, "oracle_latent", seed).weekly
        assert (weekly["slack_realised.contact_capacity"] >= 0).all()
    free = run(config, "random").weekly
    assert (free["slack_realised.contact_capacity"] < 0).all()  # drawn as asked, and counted


def test_a_learner_in_a_run_is_the_same_twice_and_keeps_the_head_count(small: Small) -> None:
    config = small(weeks=3)
    first, second = (run(config, "lagrangian_linucb") for _ in range(2))
    assert first.weekly.equals(second.weekly)
    assert first.summary == second.summary
    assert (first.weekly["slack_realised.contact_capacity"] >= 0).all()


def test_the_gain_is_that_of_each_user_over_the_same_life_left_alone(small: Small) -> None:
    config = small()
    nobody, treated = run(config, "no_offer"), run(config, "blanket", arm="nudge")
    assert (treated.users["value_no_offer"] == nobody.users["value"]).all()
    difference = (treated.users["value"] - treated.users["value_no_offer"]) / 6
    held = treated.summary["gain"]
    assert held == {"value": pytest.approx(difference.mean()), "stderr": pytest.approx(difference.sem())}


def test_what_is_expected_and_what_happens_agree_over_many_users(small: Small) -> None:
    """Six weeks of 4,000 users: mean value is about 20 times its standard error from its expectation at most 4.5."""
    outcome = run(small(users=4_000), "random")
    expected, lived = outcome.weekly["expected_value"].mean(), outcome.weekly["value"].mean()
    spread = float(outcome.users["value"].std()) / 6 / np.sqrt(4_000)
    assert abs(lived - expected) < 4.5 * spread
    assert abs(lived - (expected + 10 * spread)) > 4.5 * spread


def test_the_truth_of_an_on_policy_target_is_what_the_agent_itself_expected(small: Small) -> None:
    config = small(ope={"target": {"kind": "uniform"}})
    outcome = run(config, "random")
    weekly, rows = outcome.weekly, int(outcome.ope["rows"].iloc[0])
    assert rows == weekly["present"].sum()
    assert outcome.ope["step_truth"].iloc[0] == pytest.approx(float(weekly["expected_value"].sum()) * 500 / rows)


def test_a_log_without_chance_is_refused_and_says_why(small: Small) -> None:
    ope = run(small(), "no_offer").ope
    assert not ope["evaluable"].any()
    assert ope["value"].isna().all()
    assert ope["reason"].str.contains("no users with rows in which every arm of status_quo").all()


def test_the_target_policy_leaves_a_user_alone_where_its_arm_is_masked(small: Small) -> None:
    env, observation = cohort(small(), 1)
    mask = observation.action_mask.copy()
    mask[0, 1:] = 0
    masked = Observation(**{**vars(observation), "action_mask": mask})
    for kind, arm in (("blanket", "bonus_5"), ("uniform", None), ("status_quo", None), ("no_offer", None)):
        probs = target_probs(OpeTarget.model_validate({"kind": kind, "arm": arm}), masked, env.arm_names)
        assert probs[0].tolist() == [1, 0, 0, 0, 0, 0]
        assert np.allclose(probs.sum(axis=1), 1)


def test_an_alarm_on_a_loss_rate_twice_its_limit_comes_and_is_marked_right(small: Small) -> None:
    config = small(users=4_000, weeks=10, seeds=[1])
    loud, quiet = run(config, "blanket", arm="credit_line"), run(config, "no_offer")
    label = "ratio_betting.loss_rate"
    assert loud.summary["monitors"][label]["mark"] == "right"  # type: ignore[index]  # plain JSON
    assert "harm" in loud.summary["monitors"][label]["verdict"]  # type: ignore[index]  # plain JSON
    assert quiet.summary["monitors"][label]["mark"] == "rightly silent"  # type: ignore[index]  # plain JSON
    assert len(loud.monitors[loud.monitors["monitor"] == label]) == sum(10 - age for age in (2, 4, 8))


def test_an_agent_that_asks_for_what_cannot_be_drawn_is_stopped(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    class Wild:
        name, unconstrained = "wild", True

        def start(self, problem: object) -> None: ...

        def learn(self, feedback: Feedback) -> None: ...

        def decide(self, observation: Observation) -> Decision:
            return Decision(np.full((observation.n, observation.k), 0.4, np.float32))

    monkeypatch.setattr(runner, "agent_of", lambda *_: Wild())
    with pytest.raises(DecisionError, match="week 0, user 0: probabilities must"):
        run(small(), "no_offer")
