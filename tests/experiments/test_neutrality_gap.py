"""Logs whose offers went to those about to leave, or to those who spend most: naive is fooled, DR is not.

Each seed lives a few weeks; the truth is the mean of conditional expectations over the very rows of the log.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

import agents
from experiments import config, estimators
from experiments.acting import arms_of, problem_of
from experiments.cohorts import cohort, live
from experiments.config import ExperimentConfig
from experiments.luck import propensity_of
from rage_env.outcomes import value

OFFER = "credit_line"  # worth its losses to the average user when limits are ignored
Floats = NDArray[np.float64]
Answers = dict[str, pd.DataFrame]  # by policy


def biased_log(story: ExperimentConfig, seed: int, policy: str) -> tuple[pd.DataFrame, float]:
    """Rows of present users with their value, and the true mean effect of the offer over these rows."""
    env, observation = cohort(story, seed)
    retention, offer = env.scenario.retention_value_usd, env.arm_names.index(OFFER)
    agent = agents.load(policy, arm=OFFER)
    agent.start(problem_of(env, story.weeks, story.floor, None))
    parts, effect = [], 0.0
    for week in range(story.weeks):
        worth = value(env.truth.mean_outcomes(), retention)
        probs = agent.decide(observation).probs
        arm = arms_of(env, agent, seed, observation, probs)
        rows, seen = observation.present, observation.features
        after = live(env, arm)
        reward = value(env.truth.ledger(), retention)
        effect += float((worth[:, offer] - worth[:, 0])[rows].sum())
        columns = {f"x_{name}": seen[rows, j] for j, name in enumerate(env.features.names)}
        columns |= {"propensity": propensity_of(probs, arm)[rows], "reward": reward[rows]}
        parts.append(pd.DataFrame({"user_id": observation.user_id[rows], "week": week, "arm": arm[rows], **columns}))
        observation = after
    log = pd.concat(parts, ignore_index=True)
    return log, effect / len(log)


def answered(story: ExperimentConfig, seed: int, policy: str) -> pd.DataFrame:
    """One row an estimator: the effect of the offer, the truth, and how many standard errors lie between.

    `dr_shuffled`: DR told the propensities of other rows, with a model that knows nothing of users: both its ways to be
    right are barred.
    """
    log, truth = biased_log(story, seed, policy)
    offer, k = story.world().arm_names.index(OFFER), len(story.world().arm_names)
    target, none = (np.tile(np.eye(k)[a], (len(log), 1)) for a in (offer, 0))
    found = estimators.evaluate(log, target, ["naive", "ips", "dr"], baseline_probs=none)
    other = log["propensity"].sample(frac=1.0, random_state=seed).to_numpy()
    blind = np.full((len(log), k), log["reward"].mean())
    wrong = estimators.evaluate(log.assign(propensity=other), target, ["dr"], blind, baseline_probs=none)
    found = pd.concat([found, wrong.assign(estimator="dr_shuffled")])
    return found.assign(policy=policy, seed=seed, truth=truth, z=(found["value"] - truth) / found["stderr"])


def all_answers(users: int, weeks: int, seeds: Iterable[int]) -> Answers:
    """Every policy on the same seeds."""
    story, seeds = config.load("quickstart", [{"users": users, "weeks": weeks}]), list(seeds)
    return {
        policy: pd.concat([answered(story, seed, policy) for seed in seeds]).set_index("estimator")
        for policy in ("risk_biased", "value_biased")
    }


@pytest.fixture(scope="module")
def answers() -> Answers:
    return all_answers(users=2_000, weeks=6, seeds=range(1, 41))


@pytest.fixture(scope="module")
def many() -> Answers:
    return all_answers(users=10_000, weeks=4, seeds=range(1, 201))


def surprise(z: pd.Series) -> float:
    """Size of the summed z in its own standard deviations."""
    return float(abs(z.sum()) / len(z) ** 0.5)


def covers(z: pd.Series) -> bool:
    """Two standard errors reach the truth in 91 % of the seeds, and errors lean to neither side."""
    return bool((z.abs() <= 2).mean() >= 0.91 and abs(z.mean()) <= 0.2)


def test_a_retention_campaign_makes_a_good_offer_look_harmful(answers: Answers) -> None:
    risk = answers["risk_biased"]
    assert risk.loc["naive", "value"].mean() < 0 < risk.loc["naive", "truth"].mean()
    assert surprise(risk.loc["naive", "z"]) > 3.9


def test_a_loyalty_campaign_takes_credit_for_customers_it_did_not_make(answers: Answers) -> None:
    loyal = answers["value_biased"]
    assert loyal.loc["naive", "value"].mean() > 2 * loyal.loc["naive", "truth"].mean() > 0
    assert loyal.loc["naive", "z"].mean() > 3.9


@pytest.mark.parametrize("policy", ["risk_biased", "value_biased"])
@pytest.mark.parametrize("estimator", ["ips", "dr"])
def test_weighted_estimators_find_the_effect_that_is_there(answers: Answers, policy: str, estimator: str) -> None:
    assert surprise(answers[policy].loc[estimator, "z"]) < 3.9  # luck alone exceeds this once in 10,000
    assert surprise(answers[policy].loc["dr_shuffled", "z"]) > 3.9


@pytest.mark.parametrize("policy", ["risk_biased", "value_biased"])
def test_doubly_robust_is_nearer_the_truth_than_naive(answers: Answers, policy: str) -> None:
    found = answers[policy]
    error = (found["value"] - found["truth"]).abs().groupby("estimator").mean()
    assert error["dr"] < 0.5 * error["naive"]


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["risk_biased", "value_biased"])
def test_doubly_robust_intervals_reach_the_step_truth_in_200_seeds(many: Answers, policy: str) -> None:
    found = many[policy]
    assert covers(found.loc["dr", "z"])
    assert not covers(found.loc["naive", "z"])
    assert not covers(found.loc["dr_shuffled", "z"])
    wrong_way = found.loc["naive", "value"] < 0 if policy == "risk_biased" else found.loc["naive", "z"] > 0
    assert wrong_way.mean() > 0.95
    assert found.loc["naive", "truth"].min() > 0
