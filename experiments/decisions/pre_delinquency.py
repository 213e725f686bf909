"""`rage run pre_delinquency`: who comes first, what success rates say of arms, and which limits agents run into.

The cost-sensitive risk model of `agents.risk` (a miss weighs 25 false alarms) is fitted on the panel at risk of another
cohort; its threshold and calibration come from folds of that cohort, and all figures from this one. Priority tiers cut
the calibrated chance at .2, .4 and .6 (assumed; no cuts are published). Success rates by arm are those of a
programme in which officers give heavier arms to worse cases; true effects come from the same weeks lived again.
Funnels are of eight weeks of `gates` and of `uplift_greedy`, who have read a pilot on other borrowers: `masked` are
borrowers whom the world's cool-down forbids to contact. Capacity binds the best choice by the truth (scenarios.md) and
`uplift_greedy`, which ranks borrowers and does nothing else. It never binds `gates`, a miss: its rules shut out whoever
a contact may harm before capacity is asked, and it holds a twentieth back to explore. Nor is that for want of learning.
Without that twentieth and with all 96,000 rows of the pilot read, for 15,000, it uses capacity up in .5 to .9 of the
weeks of seeds 301 to 304 and in .46 of those below; with a pilot twice as large in .1 to .5, since the better it knows
lifts, the fewer borrowers are left whom a contact surely helps.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agents.risk.model import RiskModel, RiskSettings, fit_risk
from experiments import config as experiment
from experiments.decisions._lived import Lived, lived
from experiments.showcase import Claim
from experiments.showcase._severity import Programme

__all__ = ["CLAIMS", "SMALL", "TIERS", "measure", "tiers"]

USERS, WEEKS = 6_000, 8
OTHER_SEED = 50_000  # of the cohort that the model is fitted on
SETTINGS = RiskSettings(weight=25.0, least_precision=0.68)
TIERS = {"low": 0.0, "medium": 0.2, "high": 0.4, "critical": 0.6}
"""{tier: least calibrated chance of being late within 30 days}."""

_NAIVE = {"reminder": 0.75, "call": 0.65, "restructure": 0.55}
_AGENTS = ("gates", "uplift_greedy")

CLAIMS = {
    "recall": Claim("risk model, recall out of sample", ">= .85", 0.85),
    "precision": Claim("risk model, precision at that recall", ">= .65", 0.65),
    **{f"share_{t}": Claim(f"share of the panel in tier {t}", "none given") for t in TIERS},
    **{f"late_{t}": Claim(f"late within 30 days in tier {t}", "none given") for t in TIERS},
    "tiers_rise": Claim("share of seeds in which lateness rises from tier to tier", "all", 1.0),
    "late_in_first": Claim("share of all late borrowers in the two first tiers", "none given"),
    **{f"naive_{a}": Claim(f"naive rate of success, {a}", f"{r}", r - 0.05, r + 0.05) for a, r in _NAIVE.items()},
    "effect_reminder": Claim("true relative fall of lateness, reminder", "0 to .09", 0.0, 0.09),
    "call_over_reminder": Claim("true relative fall of lateness, call less reminder", "above 0", 0.01),
    "effect_restructure": Claim("true relative fall of lateness, lower payment", "about none", -0.02, 0.02),
    **{f"{a}_full": Claim(f"weeks in which {a} uses up contact capacity", "binds", 0.5) for a in _AGENTS},
    **{f"{a}_resting": Claim(f"borrowers whom cool-down forbids to {a}, from week 1", "binds", 0.01) for a in _AGENTS},
    **{f"{a}_over": Claim(f"weeks in which {a} exceeds capacity", "none", 0.0, 0.0) for a in _AGENTS},
}


SMALL: dict[str, int] = {}
"""Sizes for `--small`."""


def measure(seed: int, users: int = USERS, weeks: int = WEEKS) -> dict[str, float]:
    """{claim: figure} of one seed."""
    programme = Programme(seed, users)
    told = {**_risk(programme), **programme.figures()}
    study = experiment.load(
        "pre_delinquency", [{"users": users, "weeks": weeks, "monitors": [], "estimators": ["naive"]}]
    )
    capacity = study.world().guardrails[0].limit
    for name in _AGENTS:
        told |= {f"{name}_{claim}": figure for claim, figure in _limits(lived(study, name, seed), capacity).items()}
    return told


def _risk(programme: Programme) -> dict[str, float]:
    model = _fitted(Programme(programme.seed + OTHER_SEED, 2 * programme.users))
    features, late = _panel(programme)
    flagged = model.flagged(features)
    return {
        "recall": float(flagged[late].mean()),
        "precision": float(late[flagged].mean()),
        **tiers(model.chance(features), late),
    }


def tiers(chance: NDArray[np.float64], late: NDArray[np.bool_]) -> dict[str, float]:
    """{claim: figure}: size of each tier and how many in it are late; nan where a tier is empty."""
    tier = np.searchsorted(list(TIERS.values())[1:], chance, side="right")
    rate = [float(late[tier == t].mean()) if (tier == t).any() else np.nan for t in range(len(TIERS))]
    return {
        **{f"share_{name}": float((tier == t).mean()) for t, name in enumerate(TIERS)},
        **{f"late_{name}": rate[t] for t, name in enumerate(TIERS)},
        "tiers_rise": float(bool((np.diff(rate) > 0).all())),
        "late_in_first": float((tier[late] >= len(TIERS) - 2).mean()),
    }


def _fitted(programme: Programme) -> RiskModel:
    features, late = _panel(programme)
    return fit_risk(features, late, np.flatnonzero(programme.panel), tuple(programme.table.columns), SETTINGS)


def _panel(programme: Programme) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    late = programme.late(np.zeros(programme.users, np.int64))
    return programme.table.to_numpy(np.float32)[programme.panel], late[programme.panel]


def _limits(run: Lived, capacity: float) -> dict[str, float]:
    """Weeks at and over the hard capacity; borrowers there from week 1 on whom only arm 0 may reach."""
    assert run.outcome is not None
    funnel = run.outcome.exhibits["funnel"]
    most = np.floor(capacity * funnel["present"] + 1e-9)
    later = funnel.iloc[1:]
    return {
        "full": float((funnel["offered"] > most - 1).mean()),
        "over": float((funnel["offered"] > most).mean()),
        "resting": float(1 - (later["reachable"] / later["present"]).mean()) if len(later) else 0.0,
    }
