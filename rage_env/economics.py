"""What the arms of a world earn and use on average: conditional means of a reference cohort that is left alone.

The same cohort, seed and weeks every time, so that two scenarios, or two versions of one, are compared like with like.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rage_env.cohort import CohortEnv
from rage_env.guardrails import Guardrail, weighted_sum
from rage_env.outcomes import COLUMNS, value
from rage_env.scenario import Scenario
from rage_env.state import Archetype

__all__ = ["REFERENCE_SEED", "REFERENCE_USERS", "Economics", "economics"]

REFERENCE_SEED = 20_250_601
REFERENCE_USERS = 10_000


@dataclass(frozen=True, eq=False)
class Economics:
    """Means per assigned user-week of one week under each arm, everyone else's week being left alone."""

    scenario: Scenario
    users: int
    weeks: tuple[int, ...]
    means: Mapping[str, NDArray[np.float64]]  # {column or `present`: (k,)}
    value_by_archetype: NDArray[np.float64]  # (4, k) value per present user-week; NaN where nobody is

    @property
    def value(self) -> NDArray[np.float64]:
        """(k,) dollars of value per assigned user-week."""
        out: NDArray[np.float64] = value(self.means, self.scenario.retention_value_usd).astype(np.float64)
        return out

    @property
    def status_quo(self) -> NDArray[np.float64]:
        """(k,) probabilities of the arms under what the company does today."""
        probs = np.zeros(len(self.scenario.arms))
        probs[self.scenario.arm_names.index(self.scenario.status_quo.arm)] = self.scenario.status_quo.share
        probs[0] += 1 - probs.sum()
        return probs

    def usage(self, guardrail: Guardrail) -> tuple[NDArray[np.float64], float]:
        """((k,) usage if everyone got the arm, that of the status quo), in the unit of the limit.

        A rate where the guardrail has a denominator (NaN where that is 0), else the numerator per assigned user-week;
        beyond the status quo where it is relative to that. 0 between segments, which are all treated alike here.
        """
        shape = self.means["active"].shape
        if guardrail.between is not None:
            return np.zeros(shape), 0.0
        num = weighted_sum(guardrail.numerator, self.means, shape)
        den = np.ones(shape)
        if guardrail.denominator is not None:
            den = weighted_sum(guardrail.denominator, self.means, shape)
        every, usual = _rate(num, den), float(_rate(num @ self.status_quo, den @ self.status_quo))
        return (every - usual, 0.0) if guardrail.relative_to else (every, usual)


def economics(scenario: Scenario, users: int = REFERENCE_USERS) -> Economics:
    """Means of the first, the middle and the last week of an episode in which nobody gets an offer before."""
    env = CohortEnv(users, scenario, seed=REFERENCE_SEED)
    env.reset()
    users = int(env.lives.alive.sum())  # empty slots are nobody's
    weeks = sorted({0, scenario.weeks // 2, scenario.weeks - 1})
    totals = {c: np.zeros(env.world.arms.k) for c in (*COLUMNS, "present")}
    worth, heads = np.zeros((len(Archetype), env.world.arms.k)), np.zeros(len(Archetype))
    for week in range(weeks[-1] + 1):
        if week in weeks:
            means = env.truth.mean_outcomes()
            for column in COLUMNS:
                totals[column] += means[column].sum(axis=0)
            totals["present"] += env.lives.alive.sum()
            gain = value(means, scenario.retention_value_usd)
            for kind in Archetype:
                mine = (env.traits.archetype == kind) & env.lives.alive
                worth[kind] += gain[mine].sum(axis=0)
                heads[kind] += mine.sum()
        if week < weeks[-1]:
            env.step(np.zeros(env.num_envs, np.int64))
    by_kind = np.full_like(worth, np.nan)
    np.divide(worth, heads[:, None], out=by_kind, where=heads[:, None] > 0)
    return Economics(scenario, users, tuple(weeks), {c: t / (users * len(weeks)) for c, t in totals.items()}, by_kind)


def _rate(num: NDArray[np.float64] | np.float64, den: NDArray[np.float64] | np.float64) -> NDArray[np.float64]:
    return np.divide(num, den, out=np.full(np.shape(den), np.nan), where=np.asarray(den) != 0)
