"""A neobank: what care earns, what recklessness earns and breaks, and how much of it can be seen at all.

Expected outcomes by the truth, over 26 weeks; luck enters only through the states that the policies reach. Oracles
maximise value under the scenario's guardrails: one knows each user's conditional means, one only what agents see.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

from experiments import config, observable
from experiments.cohorts import cohort, live
from experiments.config import ExperimentConfig
from experiments.luck import draw_arms
from experiments.observable import ObservableModel
from experiments.oracle import LatentOracle, ObservableOracle
from experiments.showcase import Claim
from experiments.week_truth import WeekTruth, expected, week_truth
from rage_env.guardrails import true_usage

__all__ = ["CLAIMS", "Told", "figures", "measure", "tell"]

Policy = Callable[[WeekTruth], NDArray[np.float32]]
USERS, WEEKS = 10_000, 26
_CREDIT_LINE = 5

CLAIMS = {
    "none_kept": Claim("no-offer keeps every guardrail in every week", "yes", 1.0),
    "best_kept": Claim("the constrained best keeps every guardrail in every week", "yes", 1.0),
    "observable_kept": Claim("so does the best that sees what agents see", "yes", 1.0),
    "free_broken": Claim("the unconstrained best breaks at least one guardrail", "yes", 1.0),
    "random_broken": Claim("random breaks at least one guardrail", "yes", 1.0),
    "none": Claim("value of no-offer, $ per assigned user-week", "1.25 (prototype)", note="shown beside the prototype"),
    "gain": Claim("gain of the constrained best over no-offer", ">= 5 %; prototype 26 %", 0.05),
    "share_of_free": Claim("its share of the unconstrained gain", ">= 60 %; prototype 84 %", 0.60),
    "credit_gross": Claim("gross revenue of a credit line for everyone, over that of the best", "more", 1.0),
    "credit_value": Claim("value of a credit line for everyone, over that of the best", "less", None, 1.0),
    "two_bind": Claim("share of weeks in which two guardrails or more bind the best", "most", 0.5),
    "observable": Claim("share of the full oracle's gain by what agents see", "40-85 %; prototype 62 %", 0.40, 0.85),
    "status_quo": Claim("value of the status quo over that of no-offer", "about 1 or less", None, 1.01),
    "random": Claim("value of random arms over that of no-offer", "about 1 or less", None, 1.01),
}


@dataclass
class Told:
    """What one policy did in one cohort: dollars per assigned user-week, guardrails broken, limits reached by week."""

    value: float = 0.0
    gross: float = 0.0
    broken: set[str] = field(default_factory=set)
    binding: list[int] = field(default_factory=list)


def measure(seed: int, users: int = USERS) -> dict[str, float]:
    """{claim: figure} of one cohort under seven policies."""
    return figures(tell(seed, users))


def tell(seed: int, users: int = USERS) -> dict[str, Told]:
    """{policy: what it did}; every policy lives the same cohort under the same luck."""
    story = config.load("quickstart", [{"users": users, "seeds": [seed], "weeks": WEEKS}])
    return {name: _play(story, policy, seed) for name, policy in _policies(_model(users)).items()}


def figures(told: dict[str, Told]) -> dict[str, float]:
    """Claims from what the policies did."""
    none, best, free = told["no_offer"], told["latent"], told["unconstrained"]
    return {
        "none_kept": float(not none.broken),
        "best_kept": float(not best.broken),
        "observable_kept": float(not told["observable"].broken),
        "free_broken": float(bool(free.broken)),
        "random_broken": float(bool(told["random"].broken)),
        "none": none.value,
        "gain": best.value / none.value - 1,
        "share_of_free": (best.value - none.value) / (free.value - none.value),
        "credit_gross": told["credit_line"].gross / best.gross,
        "credit_value": told["credit_line"].value / best.value,
        "two_bind": float(np.mean([reached >= 2 for reached in best.binding])),
        "observable": (told["observable"].value - none.value) / (best.value - none.value),
        "status_quo": told["status_quo"].value / none.value,
        "random": told["random"].value / none.value,
    }


@cache
def _model(users: int) -> ObservableModel:
    """What agents could know at best, fitted on cohorts of its own."""
    return observable.fitted(config.load("quickstart", [{"users": users, "seeds": [1], "weeks": WEEKS}]))


def _policies(model: ObservableModel) -> dict[str, Policy]:
    latent, seen = LatentOracle(), ObservableOracle(model)
    return {
        "no_offer": _everybody(0),
        "credit_line": _everybody(_CREDIT_LINE),
        "unconstrained": lambda truth: _one_hot(truth.value.argmax(axis=1), truth),
        "random": _uniform,
        "status_quo": lambda truth: truth.observation.status_quo,
        "latent": lambda truth: latent.solve(truth)[0],
        "observable": lambda truth: seen.solve(truth)[0],
    }


def _one_hot(arm: NDArray[np.intp], truth: WeekTruth) -> NDArray[np.float32]:
    return np.eye(truth.observation.k, dtype=np.float32)[arm]


def _everybody(arm: int) -> Policy:
    return lambda truth: _one_hot(arm * truth.observation.present.astype(np.intp), truth)


def _uniform(truth: WeekTruth) -> NDArray[np.float32]:
    mask = truth.observation.action_mask.astype(np.float32)
    return np.asarray(mask / mask.sum(axis=1, keepdims=True), np.float32)


def _play(story: ExperimentConfig, policy: Policy, seed: int) -> Told:
    env, observation = cohort(story, seed)
    told = Told()
    for _ in range(story.weeks):
        truth = week_truth(env.truth, observation, env.scenario.guardrails, env.scenario.retention_value_usd)
        probs = policy(truth)
        usage = [true_usage(row, probs) for row in truth.flat]
        told.broken |= {u.name for u in usage if u.violated}
        told.binding.append(sum(_binds(truth, u.name, u.usage) for u in usage))
        told.value += truth.step_value(probs) / story.users / story.weeks
        told.gross += expected(truth.means["revenue_gross"], probs) / story.users / story.weeks
        observation = live(env, draw_arms(seed, observation, probs, together=True))
    return told


def _binds(truth: WeekTruth, name: str, excess: float) -> bool:
    """Whether a guardrail is used up: to a contact for the hard one, to 1e-5 of its spread for others."""
    row = next(r for r in truth.flat if r.name == name)
    return excess > -max(1.0, 1e-3 * abs(row.limit)) if name == "contact_capacity" else excess > -1e-5 * row.spread
