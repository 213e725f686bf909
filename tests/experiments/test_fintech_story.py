"""What the fintech world must show, by the truth: the margins of doing nothing, of care and of recklessness.

Three seeds of 4,000 users here, twenty of 10,000 in `make test-all`. Each figure is a mean over seeds of expected
outcomes, so luck enters only through the states that the policies reach.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray

from experiments import config, observable
from experiments.cohorts import cohort, live
from experiments.config import ExperimentConfig
from experiments.luck import draw_arms
from experiments.oracle import LatentOracle, ObservableOracle
from experiments.week_truth import WeekTruth, expected, week_truth
from rage_env.guardrails import true_usage

Policy = Callable[[WeekTruth], NDArray[np.float32]]
K = 6
CREDIT_LINE = 5


@dataclass
class Told:
    """What one policy did over all seeds."""

    value: list[float] = field(default_factory=list)  # usd per assigned user-week, by seed
    gross: list[float] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    binding: list[int] = field(default_factory=list)  # guardrails at their limit, by week

    @property
    def mean(self) -> float:
        return float(np.mean(self.value))


def one_hot(arm: NDArray[np.intp]) -> NDArray[np.float32]:
    return np.eye(K, dtype=np.float32)[arm]


def everybody(arm: int) -> Policy:
    return lambda truth: one_hot(np.full(truth.observation.n, arm) * truth.observation.present)


def unconstrained(truth: WeekTruth) -> NDArray[np.float32]:
    return one_hot(truth.value.argmax(axis=1))


def uniform(truth: WeekTruth) -> NDArray[np.float32]:
    mask = truth.observation.action_mask.astype(np.float32)
    return np.asarray(mask / mask.sum(axis=1, keepdims=True), np.float32)


def status_quo(truth: WeekTruth) -> NDArray[np.float32]:
    return truth.observation.status_quo


def play(story: ExperimentConfig, policy: Policy, seed: int, told: Told) -> None:
    env, observation = cohort(story, seed)
    value = gross = 0.0
    for _ in range(story.weeks):
        truth = week_truth(env.truth, observation, env.scenario.guardrails, env.scenario.retention_value_usd)
        probs = policy(truth)
        usage = [true_usage(row, probs) for row in truth.flat]
        told.broken |= {u.name for u in usage if u.violated}
        told.binding.append(sum(_binds(truth, u.name, u.usage) for u in usage))
        value += truth.step_value(probs)
        gross += expected(truth.means["revenue_gross"], probs)
        observation = live(env, draw_arms(seed, observation, probs, together=True))
    told.value.append(value / story.users / story.weeks)
    told.gross.append(gross / story.users / story.weeks)


def _binds(truth: WeekTruth, name: str, excess: float) -> bool:
    row = next(r for r in truth.flat if r.name == name)
    return excess > -max(1.0, 1e-3 * abs(row.limit)) if name == "contact_capacity" else excess > -1e-5 * row.spread


def tell(users: int, seeds: range) -> dict[str, Told]:
    story = config.load("quickstart", [{"users": users, "seeds": list(seeds), "weeks": 26}])
    model = observable.fitted(story)
    policies: dict[str, Callable[[], Policy]] = {
        "no_offer": lambda: everybody(0),
        "credit_line": lambda: everybody(CREDIT_LINE),
        "unconstrained": lambda: unconstrained,
        "random": lambda: uniform,
        "status_quo": lambda: status_quo,
        "latent": lambda: (lambda oracle: lambda t: oracle.solve(t)[0])(LatentOracle()),
        "observable": lambda: (lambda oracle: lambda t: oracle.solve(t)[0])(ObservableOracle(model)),
    }
    told = {name: Told() for name in policies}
    for name, policy in policies.items():
        for seed in seeds:
            play(story, policy(), seed, told[name])
    return told


def check(told: dict[str, Told]) -> None:
    none, best, free = told["no_offer"].mean, told["latent"].mean, told["unconstrained"].mean
    assert not told["no_offer"].broken
    assert not told["latent"].broken
    assert not told["observable"].broken
    assert told["unconstrained"].broken
    assert told["random"].broken
    assert best - none >= 0.05 * none
    assert best - none >= 0.60 * (free - none)
    assert np.mean(told["credit_line"].gross) > np.mean(told["latent"].gross)
    assert told["credit_line"].mean < best
    assert np.mean([b >= 2 for b in told["latent"].binding]) > 0.5
    assert 0.40 <= (told["observable"].mean - none) / (best - none) <= 0.85
    assert told["status_quo"].mean <= 1.01 * none
    assert told["random"].mean <= 1.01 * none


@pytest.fixture(scope="module")
def told() -> dict[str, Told]:
    return tell(4_000, range(1, 4))


def test_care_pays_and_recklessness_breaks_limits(told: dict[str, Told]) -> None:
    check(told)


@pytest.mark.parametrize(("liar", "claims_to_be"), [("unconstrained", "latent"), ("random", "no_offer")])
def test_a_world_where_the_reckless_pass_for_careful_would_be_caught(
    told: dict[str, Told], liar: str, claims_to_be: str
) -> None:
    with pytest.raises(AssertionError):
        check({**told, claims_to_be: told[liar]})


@pytest.mark.slow
def test_the_same_holds_over_twenty_seeds_of_ten_thousand_users() -> None:
    check(tell(10_000, range(1, 21)))
