"""`rage run marketing`: what a dollar of contacts brings back when an agent says whom it reaches.

Agents have read the log of an earlier campaign, which reached a random half of as many other customers, so every
score is out of sample. Their choice is measured as such a campaign would measure it: treated less control customers
of the random half of this campaign (`status_quo`), weighed by the probability that the agent contacts them. Beside
it stands what simulation alone can tell: the same customers lived again without any contact, under the same luck.
`random` ignores the budget, so its return is per dollar of all that it spends.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from experiments import config as experiment
from experiments.config import ExperimentConfig
from experiments.decisions._lived import Lived, lived
from experiments.showcase import Claim
from rage_env.cohort import CohortEnv
from rage_env.log import WeekLog

__all__ = ["CLAIMS", "SMALL", "measure", "treated_less_control"]

USERS, CONTACT, PRICE_USD = 150_000, 1, 5.0
AGENTS = {"random": 1.3, "propensity_greedy": 2.6, "uplift_greedy": 6.8}

Floats = NDArray[np.float64]


def _near(text: str, published: float, told: str) -> Claim:
    return Claim(text, told, published * 0.85, published * 1.15)


CLAIMS = {
    **{name: _near(f"return per dollar, {name}", usd, f"{usd}") for name, usd in AGENTS.items()},
    "incremental": _near("incremental revenue of uplift_greedy at $100,000, $", 684e3, "684,000"),
    **{
        f"{name}_paired": Claim(f"return per dollar, {name}, by the same luck without contacts", "none given")
        for name in AGENTS
    },
    "spent": Claim("share of the budget that uplift_greedy spends", "all", 0.99, 1.0),
    "truth_over_learned": Claim("expected revenue of the true ranking over that of uplift_greedy", "at least 1", 1.0),
}


SMALL: dict[str, int] = {"users": 20_000}
"""Sizes for `--small`."""


def measure(seed: int, users: int = USERS) -> dict[str, float]:
    """{claim: figure} of one seed. users: of the campaign and of the one before it; the budget shrinks with them."""
    study = experiment.load("marketing", [{"users": users, "past": {"users": users}}])
    trial = lived(study, "status_quo", seed).weeks[0]
    runs = {name: lived(study, name, seed, _true_lift) for name in AGENTS}
    told = {name: treated_less_control(trial, run.weeks[0]) / PRICE_USD for name, run in runs.items()}
    told |= {f"{name}_paired": _paired(run) for name, run in runs.items()}
    best = runs["uplift_greedy"]
    contacts = _contacts(best.weeks[0])
    return told | {
        "incremental": told["uplift_greedy"] * PRICE_USD * contacts * USERS / users,
        "spent": contacts / _budget(study),
        "truth_over_learned": _best_sum(best.asked, contacts) / float(best.asked[best.weeks[0].arm == CONTACT].sum()),
    }


def treated_less_control(trial: WeekLog, choice: WeekLog) -> float:
    """Mean spend of contacted less that of others in a randomised trial, dollars a customer `choice` would contact."""
    assert choice.probs is not None
    spend, weight = trial.columns["gmv"].astype(np.float64), choice.probs[:, CONTACT].astype(np.float64)
    treated = trial.arm == CONTACT
    return float(
        np.average(spend[treated], weights=weight[treated]) - np.average(spend[~treated], weights=weight[~treated])
    )


def _true_lift(env: CohortEnv) -> Floats:
    means = env.truth.mean_outcomes()["gmv"]
    return np.asarray(means[:, CONTACT] - means[:, 0], np.float64)


def _paired(run: Lived) -> float:
    """Revenue beyond the same lives left alone, per dollar spent on contacts."""
    assert run.outcome is not None
    users, cost = run.outcome.users, PRICE_USD * _contacts(run.weeks[0])
    gained = float((users["net_revenue"] - users["net_revenue_no_offer"]).sum())
    return (gained + cost) / cost


def _contacts(week: WeekLog) -> int:
    return int((week.arm == CONTACT).sum())


def _budget(study: ExperimentConfig) -> float:
    return float(np.floor(study.world().guardrails[0].limit * study.users + 1e-9))


def _best_sum(lift: Floats, contacts: int) -> float:
    return float(np.sort(lift)[-contacts:].sum())
