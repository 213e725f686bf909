"""Takes an agent's state, and what it has to be told again, out of the process that it learned in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from agents.interface import Agent, Problem
from experiments.serving.frozen import Frozen, Held, Standing
from rage_env.interface import NO_OFFER, Observation

__all__ = ["Origin", "freeze"]


@dataclass(frozen=True)
class Origin:
    """How the agent is made anew, whose luck draws its arms, whom its floor holds, and where it comes from."""

    kind: str
    params: Mapping[str, object]
    seed: int
    held: Held | None
    about: Mapping[str, object]


def freeze(agent: Agent, origin: Origin, problem: Problem, last: Observation) -> Frozen:
    """The policy of this agent as it stands. problem: what it was told at its start; last: what it would see next."""
    arrays, facts = agent.save()
    policy = Frozen(
        kind=origin.kind,
        params=origin.params,
        problem=replace(problem, floor=0.0),
        seed=origin.seed,
        held=origin.held,
        standing=_standing(last),
        segments={name: tuple(np.unique(codes).tolist()) for name, codes in last.segments.items()},
        asks_status_quo=True,
        arrays=arrays,
        facts=facts,
        about=origin.about,
    )
    return replace(policy, asks_status_quo=_looks_at_status_quo(policy, last))


def _standing(last: Observation) -> Standing:
    sums = (last.numerator_to_date, last.denominator_to_date, last.denominator_last_week)
    numerator, denominator, lagged = (tuple(float(v) for v in one) for one in sums)
    return Standing(last.week, numerator, denominator, lagged)


def _looks_at_status_quo(policy: Frozen, last: Observation) -> bool:
    """Whether a limit is counted beyond what happens today, or decisions change with it."""
    if any(guardrail.relative_to == "status_quo" for guardrail in policy.problem.guardrails):
        return True
    alone = np.zeros_like(last.status_quo)
    alone[:, NO_OFFER] = 1.0
    here, there = (policy.decide(o).probs for o in (last, replace(last, status_quo=alone)))
    return not np.array_equal(here, there)
