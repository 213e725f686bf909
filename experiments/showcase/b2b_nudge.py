"""2,400 accounts of about six seats: what a blind nudge is worth, what gates leave of it, and whom they spare.

Everything is read off conditional means of the first week, for the first 2,400 accounts of a cohort of 16,384 slots;
gates act on the true lift of gross revenue. The historical log is the one that `risk_biased` would write. Lines that
need learned scores stand in decision-results.md. The published gates do not add up to the last account:
2,400 - 281 - 937 - 220 = 962, not 964.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

import agents
from experiments.acting import problem_of
from experiments.config import Floor
from experiments.showcase import Claim
from experiments.showcase._accounts import Audit, audited
from rage_env.cohort import CohortEnv
from rage_env.interface import NO_OFFER, Observation, observe
from rage_env.randomness import Draw, Noise, person_keys
from rage_env.rollout import Policy
from rage_env.state import Archetype

__all__ = ["CLAIMS", "measure"]

SLOTS, ACCOUNTS, NUDGE = 16_384, 2_400, 1
PRICE_USD, HOLDOUT, QUARTER_WEEKS = 7.0, 0.05, 13
MONTH_WEEKS = 365.25 / 12 / 7
HISTORY = {"active_4w": -1.0, "churn_signal": 0.6}
"""Signals of the historical log: who was used little and looked like leaving got the nudge first."""


def _about(text: str, published: str, figure: float, within: float = 0.15, note: str = "") -> Claim:
    low, high = sorted((figure * (1 - within), figure * (1 + within)))
    return Claim(text, published, low, high, note)


def _points(text: str, published: str, share: float, within: float = 0.10) -> Claim:
    return Claim(text, published, share - within, share + within)


CLAIMS = {
    "seats": _about("seats an account", "about 6", 6.0),
    "blind": _about("blind nudging: revenue gained, gross of the $7, $", "about 56,000", 56e3),
    "harmed_admins": _about("accounts in which it harms an admin", "281", 281),
    "vetoed": _about("gates: admin veto, accounts", "281", 281),
    "toxic": _about("gates: toxic users, accounts", "937", 937),
    "small": _about("gates: too small, accounts", "220", 220),
    "left": _about("gates leave, accounts", "about 964", 964, note="its own gates add up to 962"),
    "gated": _about("what is left is worth, $", "about 32,000", 32e3),
    "best": _points("share of them that holds 80 % of it, best first", "0.61", 0.61, 0.08),
    "dogs": Claim("sleeping dogs targeted, gates by rule on true scores", "at most 0.01", None, 0.01),
    "sure_suppressed": _points("sure things suppressed", "about 0.75", 0.75),
    "persuadable": _points("persuadables targeted", "about 0.46", 0.46),
    "lost_suppressed": _points("lost causes suppressed", "about 0.59", 0.59),
    "naive": _about("naive effect of the historical log, share active", "about -0.04", -0.04),
    "true": Claim("true effect in the same week", "positive", 0.0, None),
    "busy": _about("relative lift above the 90th percentile of use", "about -0.04", -0.04, 0.25),
    "many_admins": _about("relative lift with more than two admins, over that of others", "3", 3.0),
    "slowing": _about("relative lift of seats slowing by 10-20 %, over that of others", "2", 2.0),
    "flips": _about("seats whose decision aggregation to the account flips", "about 0.15", 0.15),
    "poor": _about("accounts of positive lift that lose money at $7, which e-mail takes", "about 0.15", 0.15),
    "holdout": _points("vetoed accounts kept to price the veto", "0.05", HOLDOUT, 0.02),
    "veto_price": Claim("lift of a vetoed account, $", "none given", note="what such a holdout would find; not judged"),
    "reactions": Claim("negative reactions in the best tenth of what is left", "at most 0.05", None, 0.05),
    "smb": Claim("monthly churn left alone, smb", "0.04", 0.014, 0.05),
    "mid": Claim("monthly churn left alone, mid", "0.02", 0.007, 0.03),
    "ent": Claim("monthly churn left alone, ent", "0.01", 0.003, 0.02),
    "harm": Claim("churn added by a quarter of nudging everybody", "0.036 (0 to 0.04)", 0.0, 0.04),
    "dogs_raw": Claim("sleeping dogs targeted by the raw point score, learned", "0.12"),
    "dogs_learned": Claim("sleeping dogs targeted, gates by rule on learned scores", "at most 0.02"),
    "first_predictor": Claim("momentum is the first predictor of learned lift", "yes"),
}
LATER = ("dogs_raw", "dogs_learned", "first_predictor")
"""Claims on learned scores, which nothing measures yet."""


def measure(seed: int) -> dict[str, float]:
    """{claim: figure} of one cohort."""
    env = CohortEnv(SLOTS, "b2b_nudge")
    observation = observe(*env.reset(seed=seed))
    means, audit = env.truth.mean_outcomes(), audited(env, ACCOUNTS)
    return {
        **_gates(audit),
        **_who_answers(audit),
        **_history(env, observation, means["active"]),
        **_churn(env, means["churned"][:, NO_OFFER]),
        **_holdout(env, audit),
        "harm": _harm(env, seed),
        **dict.fromkeys(LATER, math.nan),
    }


def _gates(audit: Audit) -> dict[str, float]:
    seats, left = audit.total(np.ones(len(audit.lift))), audit.left
    best = np.argsort(np.where(left, -audit.value, np.inf))[: ACCOUNTS // 10]
    return {
        "seats": float(seats.mean()),
        "blind": float(audit.value.sum()),
        "harmed_admins": float((audit.total((audit.lift < 0) & audit.admin) > 0).sum()),
        "vetoed": float(audit.vetoed.sum()),
        "toxic": float(audit.toxic.sum()),
        "small": float(audit.small.sum()),
        "left": float(left.sum()),
        "gated": float(audit.value[left].sum()),
        "best": audit.best_share(0.80),
        "dogs": audit.reached(Archetype.SLEEPING_DOG),
        "sure_suppressed": 1 - audit.reached(Archetype.SURE_THING),
        "persuadable": audit.reached(Archetype.PERSUADABLE),
        "lost_suppressed": 1 - audit.reached(Archetype.LOST_CAUSE),
        "reactions": float(audit.total(audit.reactions)[best].sum() / seats[best].sum()),
    }


def _who_answers(audit: Audit) -> dict[str, float]:
    relative, many = audit.lift / audit.alone, (audit.total(audit.admin) > 2)[audit.account]
    slowing = (audit.momentum >= -0.20) & (audit.momentum <= -0.10)
    positive = audit.value > 0
    return {
        "busy": audit.relative(audit.busy),
        "many_admins": float(relative[many].mean() / relative[~many].mean()),
        "slowing": audit.relative(slowing) / audit.relative(~slowing),
        "flips": float(((audit.lift > 0) != positive[audit.account]).mean()),
        "poor": float((audit.value[positive] < PRICE_USD).mean()),
    }


def _history(env: CohortEnv, observation: Observation, active: NDArray[np.float64]) -> dict[str, float]:
    """The log's difference between treated and untreated seats, in expectation, and the true effect."""
    agent = agents.load("risk_biased", arm="nudge", signals=HISTORY)
    agent.start(problem_of(env, env.scenario.weeks, Floor(), None))
    here = observation.present
    treated = agent.decide(observation).probs[here, NUDGE].astype(np.float64)
    alone, nudged = active[here, NO_OFFER], active[here, NUDGE]
    naive = np.average(nudged, weights=treated) - np.average(alone, weights=1 - treated)
    return {"naive": float(naive), "true": float((nudged - alone).mean())}


def _churn(env: CohortEnv, churned: NDArray[np.float64]) -> dict[str, float]:
    """Monthly churn of each size class when left alone."""
    kind, here = env.traits.more["size_class"], env.lives.alive
    classes = env.scenario.used["accounts"].classes
    weekly = {c.name: churned[here & (kind == code)].mean() for code, c in enumerate(classes)}
    return {name: float(1 - (1 - rate) ** MONTH_WEEKS) for name, rate in weekly.items()}


def _holdout(env: CohortEnv, audit: Audit) -> dict[str, float]:
    """The hashed share of vetoed accounts that would be treated on purpose, and what that would find."""
    units = np.unique(env.traits.more["account"][env.lives.alive])[: len(audit.value)]
    luck = Noise(env.key, person_keys(env.key, units), 0).uniform64(Draw.HOLDOUT)
    kept = audit.vetoed & (luck < HOLDOUT)
    return {"holdout": float(kept.sum() / audit.vetoed.sum()), "veto_price": float(audit.value[kept].mean())}


def _harm(env: CohortEnv, seed: int) -> float:
    """Share of seats lost within a quarter of nudging everybody, beyond those lost anyway."""

    def lost(arm: int) -> float:
        told = env.truth.rollout(_everybody(arm), QUARTER_WEEKS, replications=1, seed=seed).mean
        return float(told["churned"].sum()) * env.num_envs / float(env.lives.alive.sum())

    return lost(NUDGE) - lost(NO_OFFER)


def _everybody(arm: int) -> Policy:
    def policy(observation: Observation) -> NDArray[np.float32]:
        probs = np.zeros((observation.n, observation.k), np.float32)
        probs[np.arange(observation.n), np.where(observation.action_mask[:, arm] == 1, arm, NO_OFFER)] = 1
        return probs

    return policy
