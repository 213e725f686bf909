"""`rage run b2b_nudge`: the agent `gates` decides for 2,400 accounts; its reasons are the funnel, truth is the audit.

`gates` has read a pilot on other accounts, in which every arm was given alike, and learns lift from it. Its first
week is audited: the first 2,400 accounts of 16,384 slots, one in ten of which the world keeps as a control. Counts
are of accounts by `Decision.reason`; who is targeted is by its probabilities, money by conditional means. The raw point
score offers a nudge to every seat whose learned lift is positive. Predictors of learned lift are ranked by how far
predictions move when one is shuffled.

What falls short: lift is a few dollars on a week's revenue of about a hundred, and some 130,000 seat-weeks of a pilot
rank it badly. Lower bounds that hold then lie under 0 for most seats, so that nearly every account has an admin who may
be harmed: sleeping dogs are spared, and the value is not found. Smaller bounds that counted only the spread believed
gave a funnel near the published one, but over a third of true lifts lay under them, so they were taken back.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from agents.interface import Agent, Decision, Reason
from agents.policies.gates import Gates, GatesParams
from experiments import config as experiment
from experiments.decisions._lived import lived
from experiments.decisions._predictors import shuffled
from experiments.showcase import Claim
from experiments.showcase._accounts import Audit, audited
from rage_env.cohort import CohortEnv
from rage_env.interface import Observation
from rage_env.state import Archetype

__all__ = ["CLAIMS", "SMALL", "measure"]

SLOTS, ACCOUNTS, NUDGE = 16_384, 2_400, 1
MOMENTUM = ("momentum", "spend_momentum")

Floats = NDArray[np.float64]

_FUNNEL = {
    "HELD_OUT": ("held out as a control", "10 %", 204, 276),
    "ADMIN_VETO": ("admin veto", "281", 239, 323),
    "TOXIC_USERS": ("toxic users", "937", 796, 1078),
    "TOO_SMALL": ("too small", "220", 187, 253),
    "UNPROFITABLE": ("unprofitable", "none given", None, None),
    "CAPACITY": ("beyond the limit on anger", "none given", None, None),
    "TARGETED": ("let through, and targeted or explored", "about 964", 819, 1109),
}
CLAIMS = {
    **{k: Claim(f"accounts: {text}", told, low, high) for k, (text, told, low, high) in _FUNNEL.items()},
    "worth": Claim("revenue gained by its nudges, $", "about 32,000", 27.2e3, 36.8e3),
    "share": Claim("the same as a share of what gates by the truth leave", "none given"),
    "dogs": Claim("sleeping dogs given a nudge", "at most .02", None, 0.02),
    "dogs_raw": Claim("sleeping dogs the raw point score would nudge", ".12"),
    "dogs_in_raw": Claim("sleeping dogs among those whom it would nudge", "none given"),
    "sure_suppressed": Claim("sure things suppressed", ".75", 0.65, 0.85),
    "persuadable": Claim("persuadables given a nudge", ".46", 0.36, 0.56),
    "lost_suppressed": Claim("lost causes suppressed", ".59", 0.49, 0.69),
    "agreement": Claim("correlation of learned with true lift, seat by seat", "none given"),
    "below": Claim("seats whose true lift lies under its lower 90 % bound", "at most .10", None, 0.10),
    "slowing": Claim("learned relative lift of seats slowing by 10-20 %, over that of others", "2", 1.7, 2.3),
    "rank": Claim("place of momentum among predictors of learned lift", "1", None, 1.0),
}


@dataclass(eq=False)
class _Heard:
    """The first decision of `gates`, and what it saw."""

    decision: Decision | None = None
    seen: Observation | None = None


class _Ear(Gates):
    """`gates`, whose first decision is overheard."""

    heard: _Heard

    def decide(self, observation: Observation) -> Decision:
        """As `gates`."""
        decision = super().decide(observation)
        if self.heard.decision is None:
            self.heard.decision, self.heard.seen = decision, observation
        return decision


@dataclass(frozen=True, eq=False)
class _Asked:
    audit: Audit
    rows: NDArray[np.intp]  # of the audited seats, among those shown


SMALL: dict[str, int] = {}
"""Sizes for `--small`."""


def measure(seed: int, slots: int = SLOTS, accounts: int = ACCOUNTS, pilot: int | None = None) -> dict[str, float]:
    """{claim: figure} of one seed. pilot: slots of the pilot; None for those of the experiment."""
    cut: dict[str, object] = {"users": slots, "weeks": 1, "monitors": [], "estimators": ["naive"]}
    study = experiment.load("b2b_nudge", [cut, *([{"past": {"users": pilot}}] if pilot else [])])
    heard = _Heard()

    def ear(agent: Agent) -> Agent:
        assert isinstance(agent, Gates)
        listening = _Ear(agent.params)
        listening.heard = heard
        return listening

    run = lived(study, "gates", seed, lambda env: _ask(env, accounts), ear)
    assert heard.decision is not None
    assert heard.seen is not None
    asked, agent = cast(_Asked, run.asked), cast(Gates, run.agent)
    return {
        **_funnel(asked, heard.decision),
        **_reached(asked, heard.decision),
        **_learned(asked, agent, heard.seen),
    }


def _ask(env: CohortEnv, accounts: int) -> _Asked:
    account = np.unique(env.traits.more["account"][env.shown], return_inverse=True)[1]
    return _Asked(audited(env, accounts), np.flatnonzero(account < accounts))


def _funnel(asked: _Asked, decision: Decision) -> dict[str, float]:
    first = np.unique(asked.audit.account, return_index=True)[1]
    counts = Counter(Reason(code).name for code in decision.reason[asked.rows][first])
    return {name: float(counts[name] + (counts["EXPLORED"] if name == "TARGETED" else 0)) for name in _FUNNEL}


def _reached(asked: _Asked, decision: Decision) -> dict[str, float]:
    audit, nudged = asked.audit, decision.probs[asked.rows, NUDGE].astype(np.float64)
    rate = {kind: float(nudged[audit.archetype == kind].mean()) for kind in Archetype}
    worth = float((audit.lift * nudged).sum())
    return {
        "worth": worth,
        "share": worth / float(audit.value[audit.left].sum()),
        "dogs": rate[Archetype.SLEEPING_DOG],
        "sure_suppressed": 1 - rate[Archetype.SURE_THING],
        "persuadable": rate[Archetype.PERSUADABLE],
        "lost_suppressed": 1 - rate[Archetype.LOST_CAUSE],
    }


def _learned(asked: _Asked, agent: Gates, seen: Observation) -> dict[str, float]:
    assert agent.effects is not None
    assert agent.problem is not None
    audit, x, effects = asked.audit, seen.features[asked.rows], agent.effects
    lift, low = (told[:, NUDGE - 1] for told in effects.bounds(x, cast(GatesParams, agent.params).harm_sds))
    raw, dog = lift > 0, audit.archetype == Archetype.SLEEPING_DOG
    slowing = (audit.momentum >= -0.20) & (audit.momentum <= -0.10)
    relative = [lift[seats].sum() / audit.alone[seats].sum() for seats in (slowing, ~slowing)]
    moved = shuffled(lambda rows: effects.predict(rows)[:, NUDGE - 1], x, agent.problem.feature_names)
    return {
        "dogs_raw": float(raw[dog].mean()),
        "dogs_in_raw": float(dog[raw].mean()),
        "agreement": float(np.corrcoef(lift, audit.lift)[0, 1]),
        "below": float((audit.lift < low).mean()),
        "slowing": float(relative[0] / relative[1]),
        "rank": float(1 + min(list(moved).index(name) for name in MOMENTUM if name in moved)),
    }
