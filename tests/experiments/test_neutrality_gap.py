"""A log whose offers went to those about to leave: the naive comparison blames the offer, DR does not.

Each seed lives six weeks; the truth is the mean of conditional expectations over the very rows of the log.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from experiments import config, estimators
from experiments.cohorts import cohort, live
from experiments.config import ExperimentConfig
from experiments.luck import arms_one_by_one, propensity_of
from experiments.week_truth import week_truth
from rage_env.interface import Observation
from rage_env.outcomes import value
from rage_env.randomness import Draw, Noise, person_keys, seed_key

OFFER, K = 5, 6  # the credit line, worth its losses to the average user when limits are ignored
SEEDS = range(1, 41)
Floats = NDArray[np.float64]


def at_risk_first(observation: Observation, churn_signal: int) -> Floats:
    """(n, k) the offer to 10 % of the safest users and 90 % of those most likely to leave."""
    rank = observation.features[:, churn_signal].argsort().argsort() / observation.n
    probs = np.zeros((observation.n, K))
    probs[:, OFFER] = np.where(observation.present, 0.1 + 0.8 * rank, 0.0)
    probs[:, 0] = 1 - probs[:, OFFER]
    return probs


def biased_log(story: ExperimentConfig, seed: int) -> tuple[pd.DataFrame, float]:
    """Rows of present users with their value, and the true mean effect of the offer over these rows."""
    env, observation = cohort(story, seed)
    parts, effect, key = [], 0.0, seed_key(seed)
    for week in range(story.weeks):
        truth = week_truth(env.truth, observation, env.scenario.guardrails, env.scenario.retention_value_usd)
        probs = at_risk_first(observation, env.features.names.index("churn_signal"))
        arm = arms_one_by_one(probs, Noise(key, person_keys(key, observation.unit), week).uniform64(Draw.ARM))
        rows, seen = observation.present, observation.features
        after = live(env, arm)
        reward = value(env.truth.ledger(), env.scenario.retention_value_usd)
        effect += float((truth.value[:, OFFER] - truth.value[:, 0])[rows].sum())
        columns = {f"x_{name}": seen[rows, j] for j, name in enumerate(env.features.names)}
        columns |= {"propensity": propensity_of(probs.astype(np.float32), arm)[rows], "reward": reward[rows]}
        parts.append(pd.DataFrame({"user_id": observation.user_id[rows], "week": week, "arm": arm[rows], **columns}))
        observation = after
    log = pd.concat(parts, ignore_index=True)
    return log, effect / len(log)


@pytest.fixture(scope="module")
def answers() -> pd.DataFrame:
    """One row a seed and estimator: the effect of the offer, the truth, and how many standard errors lie between."""
    story = config.load("quickstart", [{"users": 2_000, "weeks": 6}])
    found = []
    for seed in SEEDS:
        log, truth = biased_log(story, seed)
        offer, none = (np.tile(np.eye(K)[a], (len(log), 1)) for a in (OFFER, 0))
        answer = estimators.evaluate(log, offer, ["naive", "ips", "dr"], baseline_probs=none)
        found.append(answer.assign(seed=seed, truth=truth, z=(answer["value"] - truth) / answer["stderr"]))
    return pd.concat(found).set_index("estimator")


def surprise(z: pd.Series) -> float:
    """Size of the summed z in its own standard deviations."""
    return float(abs(z.sum()) / len(z) ** 0.5)


def test_the_naive_comparison_blames_the_offer_for_whom_it_was_sent_to(answers: pd.DataFrame) -> None:
    assert answers.loc["naive", "value"].mean() < 0 < answers.loc["naive", "truth"].mean()
    assert surprise(answers.loc["naive", "z"]) > 3.9


@pytest.mark.parametrize("estimator", ["ips", "dr"])
def test_weighted_estimators_find_the_effect_that_is_there(answers: pd.DataFrame, estimator: str) -> None:
    assert surprise(answers.loc[estimator, "z"]) < 3.9  # luck alone exceeds this once in 10,000


def test_doubly_robust_is_nearer_the_truth_than_naive(answers: pd.DataFrame) -> None:
    error = (answers["value"] - answers["truth"]).abs().groupby("estimator").mean()
    assert error["dr"] < 0.5 * error["naive"]
