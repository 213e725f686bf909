"""Which limits of the bank's world cost something: capacity that is used up, contacts that cool-down forbids."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from experiments.cohorts import live
from experiments.luck import draw_arms
from experiments.oracle import LatentOracle
from experiments.week_truth import WeekTruth, week_truth
from rage_env.cohort import CohortEnv
from rage_env.interface import observe

__all__ = ["limits"]

_WEEKS = 8


def limits(seed: int, users: int) -> dict[str, float]:
    """{claim: figure} of eight weeks under the best choice within the limits, by conditional means."""
    env = CohortEnv(users, "pre_delinquency", weeks=_WEEKS)
    seen = observe(*env.reset(seed=seed))
    guardrails, retention = env.scenario.guardrails, env.scenario.retention_value_usd
    oracle, free = LatentOracle(), LatentOracle()
    full, lost, broken = [], [], 0
    for week in range(_WEEKS):
        truth = week_truth(env.truth, seen, guardrails, retention)
        probs, _ = oracle.solve(truth)
        capacity = np.floor(guardrails[0].limit * seen.present.sum())
        full.append(float(probs[:, 1:].sum() > capacity - 1))
        if week:  # nobody rests in the first week
            unrested = replace(truth, observation=replace(seen, action_mask=_present_only(truth)))
            gain = truth.step_value(free.solve(unrested)[0]) - _nothing(truth)
            lost.append(1 - (truth.step_value(probs) - _nothing(truth)) / gain)
        seen = live(env, draw_arms(seed, seen, probs, together=True))
        broken += int(env.truth.ledger()["contacts"].sum() > capacity)
    return {"capacity_binds": float(np.mean(full)), "cool_down_costs": float(np.mean(lost)), "capacity_broken": broken}


def _present_only(truth: WeekTruth) -> NDArray[np.int8]:
    mask: NDArray[np.int8] = np.ones(truth.value.shape, np.int8)
    mask[~truth.observation.present, 1:] = 0
    return mask


def _nothing(truth: WeekTruth) -> float:
    return float(truth.value[:, 0].sum())
