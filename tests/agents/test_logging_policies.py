"""The policies that write logs for offline study: whom they lean to, what they refuse, and that arms come as logged."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

import agents
from agents.interface import Agent, Problem
from agents.signals import standing
from experiments import config
from experiments.cohorts import cohort
from experiments.config import ExperimentConfig
from experiments.luck import draw_arms
from rage_env.cohort import CohortEnv
from rage_env.errors import ConfigError, InputError
from rage_env.interface import Observation

POLICIES: Mapping[str, Mapping[str, object]] = {
    "status_quo": {},
    "random": {},
    "epsilon_mixture": {"epsilon": 0.3},
    "risk_biased": {"arm": "cashback"},
    "value_biased": {"arm": "credit_line", "least": 0.02, "most": 0.6},
    "deterministic_floor": {"arm": "bonus_5", "floor": 0.03},
}
DRAWS = 200


@pytest.fixture(scope="module")
def study() -> ExperimentConfig:
    return config.load("quickstart", [{"users": 1_500, "weeks": 2}])


def problem(env: CohortEnv) -> Problem:
    shares = {c: law.reported_share for c, law in env.laws.items()}
    return Problem(
        len(env.arm_names), len(env.features), env.features.names, env.scenario.specs, (), 80.0, 2, 8, shares
    )  # fmt: skip


def started(study: ExperimentConfig, kind: str, **params: object) -> tuple[Agent, Observation, tuple[str, ...]]:
    env, seen = cohort(study, 3)
    agent = agents.load(kind, **params)
    agent.start(problem(env))
    return agent, seen, env.features.names


def surprise(counts: NDArray[np.float64], probs: NDArray[np.float64], draws: int) -> NDArray[np.float64]:
    """(cells,) z of arm counts beyond their probabilities, in ten groups of like propensity for each arm."""
    found = []
    for arm in range(probs.shape[1]):
        p = probs[:, arm]
        for group in np.array_split(np.argsort(p, kind="stable"), 10):
            spread = np.sqrt(draws * (p[group] * (1 - p[group])).sum())
            if spread > 0:
                found.append((counts[group, arm].sum() - draws * p[group].sum()) / spread)
    return np.array(found)


def drawn(seen: Observation, probs: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n, k) how often each arm came up by the runner's own draw."""
    counts = np.zeros(probs.shape)
    for seed in range(DRAWS):
        counts[np.arange(seen.n), draw_arms(seed, seen, probs, together=False)] += 1
    return counts


@pytest.mark.parametrize("kind", POLICIES)
def test_every_user_meets_each_arm_as_often_as_the_log_says(study: ExperimentConfig, kind: str) -> None:
    agent, seen, _ = started(study, kind, **POLICIES[kind])
    probs = agent.decide(seen).probs
    counts, exact = drawn(seen, probs), probs.astype(np.float64)
    assert (counts[probs == 0] == 0).all()
    assert np.abs(surprise(counts, exact, DRAWS)).max() < 5.2  # 60 cells, six policies: luck fails it once in 1e4
    unsaid = 0.97 * exact + 0.03 * np.eye(seen.k)[np.full(seen.n, 1)]  # a log that overstates the nudge by 3 points
    assert np.abs(surprise(counts, unsaid, DRAWS)).max() > 5.2


@pytest.mark.parametrize(("kind", "feature"), [("risk_biased", "churn_signal"), ("value_biased", "log_gmv_4w")])
def test_a_biased_policy_offers_more_to_whom_it_leans_to(study: ExperimentConfig, kind: str, feature: str) -> None:
    agent, seen, names = started(study, kind)
    offer = agent.decide(seen).probs[:, 1]
    assert np.corrcoef(offer, seen.features[:, names.index(feature)])[0, 1] > 0.6
    assert 0.1 - 1e-6 <= offer.min() < offer.max() <= 0.9 + 1e-6


def test_a_place_does_not_depend_on_the_order_of_users_nor_on_who_left(study: ExperimentConfig) -> None:
    _, seen, names = started(study, "no_offer")
    place = standing(seen, {"active_4w": 1.0}, names)
    turned = Observation(**{**vars(seen), **_rows(seen, np.arange(seen.n)[::-1])})
    assert np.array_equal(standing(turned, {"active_4w": 1.0}, names)[::-1], place)
    ties = seen.features[:, names.index("active_4w")]
    assert all(len(np.unique(place[ties == level])) == 1 for level in np.unique(ties))
    gone = seen.present & (np.arange(seen.n) % 3 > 0)
    left = standing(Observation(**{**vars(seen), "present": gone}), {"active_4w": 1.0}, names)
    assert (left[~gone] == 0).all()
    assert left[gone].mean() == pytest.approx(0.5)


def _rows(seen: Observation, at: NDArray[np.intp]) -> dict[str, NDArray[np.generic]]:
    per_user = ("user_id", "unit", "features", "action_mask", "is_new", "present", "status_quo")
    return {name: getattr(seen, name)[at] for name in per_user}


def test_rows_of_one_account_get_one_probability(study: ExperimentConfig) -> None:
    _, seen, names = started(study, "no_offer")
    accounts = Observation(**{**vars(seen), "unit": seen.unit // 7})
    place = standing(accounts, {"churn_signal": 1.0}, names)
    alone = standing(seen, {"churn_signal": 1.0}, names)
    first, last = place[:7], alone[:7]
    assert len(np.unique(first)) == 1
    assert len(np.unique(last)) == 7


def test_a_floor_lies_under_every_allowed_arm_and_the_rule_has_the_rest(study: ExperimentConfig) -> None:
    agent, seen, _ = started(study, "deterministic_floor", arm="bonus_5", floor=0.03, share=0.25)
    probs = agent.decide(seen).probs
    assert probs.min() == pytest.approx(0.03, abs=1e-6)
    chosen = probs.max(axis=1)
    assert chosen == pytest.approx(np.full(seen.n, 1 - 5 * 0.03), abs=1e-6)
    assert (probs.argmax(axis=1) == 3).mean() == pytest.approx(0.25, abs=2 / seen.n)


def test_a_mixture_lies_between_its_base_and_chance(study: ExperimentConfig) -> None:
    agent, seen, _ = started(study, "epsilon_mixture", epsilon=0.3, base="risk_biased", base_params={"arm": "nudge"})
    base = started(study, "risk_biased", arm="nudge")[0].decide(seen).probs
    assert agent.decide(seen).probs == pytest.approx(0.7 * base + 0.3 / 6, abs=1e-6)


@pytest.mark.parametrize(
    ("kind", "params", "told"),
    [
        ("risk_biased", {"least": 0.9, "most": 0.1}, r"^agent risk_biased: least must not exceed most; got 0.9 > 0.1$"),
        ("risk_biased", {"signals": {}}, "signals"),
        ("value_biased", {"signals": {"log_gmv": 1.0}}, "no feature 'log_gmv': did you mean 'log_gmv_"),
        ("value_biased", {"arm": "no_offer"}, "arm 'no_offer' leaves users alone; name an offer"),
        ("value_biased", {"arm": "cash"}, "arm 'cash' is none of this world's arms: did you mean 'cashback'"),
        ("deterministic_floor", {"floor": 0.2}, "floor 0.2 under 6 arms leaves the rule nothing; keep it below 0.1667"),
        ("deterministic_floor", {"floor": 0.0}, "floor: Input should be greater than 0"),
        ("epsilon_mixture", {"base": "lagrangian_linucb"}, "base 'lagrangian_linucb' learns; give a rule: blanket"),
        ("epsilon_mixture", {"base": "blankt"}, "did you mean 'blanket'"),
        ("epsilon_mixture", {"base": "blanket", "base_params": {"arn": 1}}, "agent blanket: arn is not a parameter"),
    ],
)
def test_a_logging_policy_that_cannot_be_is_refused_by_name(
    study: ExperimentConfig, kind: str, params: Mapping[str, object], told: str
) -> None:
    with pytest.raises(InputError, match=told):
        started(study, kind, **params)


def test_a_random_rule_of_two_arms_never_draws_a_third(study: ExperimentConfig) -> None:
    agent, seen, _ = started(study, "random", arms=["no_offer", "cashback"])
    arms = [a.name for a in study.world().arms]
    probs = agent.decide(seen).probs
    free = seen.action_mask[:, arms.index("cashback")] > 0
    assert free.any()
    assert (probs[free][:, [0, arms.index("cashback")]] == 0.5).all()
    assert (probs[~free, 0] == 1).all()
    with pytest.raises(ConfigError, match="cash"):
        started(study, "random", arms=["no_offer", "cashbak"])
