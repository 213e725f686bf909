"""`rage run b2b_nudge`: the agent `gates` decides for 2,400 accounts; its reasons are the funnel, truth is the audit.

`gates` has read a pilot on other accounts, in which every arm was given alike, and learns lift from it. Its first
week is audited: the first 2,400 accounts of 16,384 slots, one in ten of which the world keeps as a control. Counts
are of accounts by `Decision.reason`; who is targeted is by its probabilities, money by conditional means. The raw point
score offers a nudge to every seat whose learned lift is positive. Predictors of learned lift are ranked by how far
predictions move when one is shuffled.

The pilot draws between a nudge and nothing, on eight times as many slots as the cohort: lift is a few dollars on a
week's revenue of seventy. As in the published audit, claims count whoever the gates let through; rows "under the limits
on anger" count by probabilities once the program of the week has kept the world's guardrails, which the audit did not
have.

A bound speaks of the lift that is expected of what is observed, and is judged against the best regression of true lift
on all features, fitted on 24 other cohorts (`experiments/decisions/_expected.py`). The gates with that regression in
place of learned lift ("if expected lift were known") are about what a pilot without end would get. Claims by the truth
stand in scenarios.md; why this world shows who minds a nudge, and how fine a learner must be, in decision 28.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from agents.interface import Agent, Decision, Reason
from agents.policies.gates import Gates, GatesParams
from agents.uplift import Effects
from experiments import config as experiment
from experiments.decisions._expected import expected_lift
from experiments.decisions._lived import lived
from experiments.decisions._nudge_claims import CLAIMS, FUNNEL, REACHED
from experiments.decisions._predictors import shuffled
from experiments.showcase._accounts import Audit, audited
from rage_env.cohort import CohortEnv
from rage_env.interface import Observation
from rage_env.state import Archetype

__all__ = ["CLAIMS", "SMALL", "measure"]

SLOTS, ACCOUNTS, NUDGE = 16_384, 2_400, 1
_APART, _COHORTS = 2_000_000, 24  # seeds of the cohorts that expected lift is regressed on
_THROUGH = (Reason.TARGETED, Reason.EXPLORED, Reason.CAPACITY)
MOMENTUM = ("momentum", "spend_momentum")

Floats = NDArray[np.float64]


@dataclass(eq=False)
class _Heard:
    """The first decision of `gates`, and what it saw."""

    expected: Effects
    decision: Decision | None = None
    best: Decision | None = None  # what it would be if expected lift were known
    seen: Observation | None = None


class _Ear(Gates):
    """`gates`, whose first decision is overheard, and asked for again with expected lift in place of its own."""

    heard: _Heard

    def decide(self, observation: Observation) -> Decision:
        """As `gates`."""
        decision = super().decide(observation)
        if self.heard.decision is None:
            self.heard.decision, self.heard.seen = decision, observation
            mine, plan = self.effects, self.last
            self.effects = self.heard.expected
            self.heard.best = super().decide(observation)
            self.effects, self.last = mine, plan
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
    apart = range(seed + _APART, seed + _APART + _COHORTS)
    heard = _Heard(expected_lift(study, apart, len(study.world().arms), NUDGE))

    def ear(agent: Agent) -> Agent:
        assert isinstance(agent, Gates)
        listening = _Ear(agent.params)
        listening.heard = heard
        return listening

    run = lived(study, "gates", seed, lambda env: _ask(env, accounts), ear)
    assert heard.decision is not None
    assert heard.best is not None
    assert heard.seen is not None
    asked, agent = cast(_Asked, run.asked), cast(Gates, run.agent)
    best = {**_funnel(asked, heard.best), **_reached(asked, heard.best)}
    return {
        **_funnel(asked, heard.decision),
        **_reached(asked, heard.decision),
        **{f"best_{name}": best[name] for name in REACHED},
        **_learned(asked, agent, heard),
    }


def _ask(env: CohortEnv, accounts: int) -> _Asked:
    account = np.unique(env.traits.more["account"][env.shown], return_inverse=True)[1]
    return _Asked(audited(env, accounts), np.flatnonzero(account < accounts))


def _funnel(asked: _Asked, decision: Decision) -> dict[str, float]:
    first = np.unique(asked.audit.account, return_index=True)[1]
    counts = Counter(Reason(code).name for code in decision.reason[asked.rows][first])
    return {name: float(counts[name] + (counts["EXPLORED"] if name == "TARGETED" else 0)) for name in FUNNEL}


def _reached(asked: _Asked, decision: Decision) -> dict[str, float]:
    """By the accounts let through, as the published audit counts, and by probabilities under the guardrails."""
    audit, told = asked.audit, dict[str, float]()
    through = np.isin(decision.reason[asked.rows], _THROUGH).astype(np.float64)
    nudged = decision.probs[asked.rows, NUDGE].astype(np.float64)
    for suffix, weight in (("", through), ("_kept", nudged)):
        rate = {kind: float(weight[audit.archetype == kind].mean()) for kind in Archetype}
        told |= {
            f"worth{suffix}": float((audit.lift * weight).sum()),
            f"dogs{suffix}": rate[Archetype.SLEEPING_DOG],
            f"sure_suppressed{suffix}": 1 - rate[Archetype.SURE_THING],
            f"persuadable{suffix}": rate[Archetype.PERSUADABLE],
            f"lost_suppressed{suffix}": 1 - rate[Archetype.LOST_CAUSE],
        }
    return told


def _learned(asked: _Asked, agent: Gates, heard: _Heard) -> dict[str, float]:
    assert agent.effects is not None
    assert agent.problem is not None
    assert heard.seen is not None
    audit, x, effects = asked.audit, heard.seen.features[asked.rows], agent.effects
    expected = heard.expected.predict(x)[:, NUDGE - 1]
    lift, low = (told[:, NUDGE - 1] for told in effects.bounds(x, cast(GatesParams, agent.params).harm_sds))
    raw, dog = lift > 0, audit.archetype == Archetype.SLEEPING_DOG
    names = agent.problem.feature_names
    return {
        "dogs_raw": float(raw[dog].mean()),
        "dogs_in_raw": float(dog[raw].mean()),
        "agreement": float(np.corrcoef(lift, audit.lift)[0, 1]),
        "best_agreement": float(np.corrcoef(expected, audit.lift)[0, 1]),
        "below": float((expected < low).mean()),
        "below_own": float((audit.lift < low).mean()),
        "best_below_own": float((audit.lift < expected).mean()),
        "slowing": _slowing(audit, lift),
        "best_slowing": _slowing(audit, expected),
        "rank": _rank(effects, x, names),
        "best_rank": _rank(heard.expected, x, names),
    }


def _slowing(audit: Audit, lift: Floats) -> float:
    """Relative lift of seats that slow by 10-20 %, over that of others."""
    slowing = (audit.momentum >= -0.20) & (audit.momentum <= -0.10)
    relative = [lift[seats].sum() / audit.alone[seats].sum() for seats in (slowing, ~slowing)]
    return float(relative[0] / relative[1])


def _rank(effects: Effects, x: NDArray[np.float32], names: tuple[str, ...]) -> float:
    """Place of momentum among the features that move predictions most when shuffled."""
    moved = shuffled(lambda rows: effects.predict(rows)[:, NUDGE - 1], x, names)
    return float(1 + min(list(moved).index(name) for name in MOMENTUM if name in moved))
