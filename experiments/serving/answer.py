"""What a policy answers: for each user the arm drawn, its propensity, the probability of every arm, and the reason."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from agents.interface import Reason
from experiments.luck import propensity_of
from experiments.serving.frozen import Frozen
from experiments.serving.request import Asked, observation_of
from rage_env.log_tables import PROB_PREFIX

__all__ = ["answer", "columns_of"]


def columns_of(policy: Frozen) -> tuple[str, ...]:
    """Columns of an answer, in order: id, arm and reason are names and numbers, the rest probabilities."""
    return ("user_id", "arm", "propensity", *(PROB_PREFIX + arm for arm in policy.arms), "reason")


def answer(policy: Frozen, table: pd.DataFrame, params: Mapping[str, object]) -> pd.DataFrame:
    """One row for each of `table`, in its order; the same answer to the same question. Raises RageError.

    Guardrails hold over the rows that are asked about together: whoever sends half a cohort gets half a plan.
    """
    asked = Asked.of(policy, params)
    observation = observation_of(policy, table, asked)
    decision = policy.decide(observation)
    arm = policy.draw(observation, decision.probs, asked.seed)
    reasons = [Reason(code).name.lower() for code in decision.reason.tolist()] or [""] * observation.n
    found: dict[str, object] = {
        "user_id": observation.user_id,
        "arm": np.asarray(policy.arms, dtype=object)[arm],
        "propensity": propensity_of(decision.probs, arm).astype(np.float64),
    }
    found |= {PROB_PREFIX + a: decision.probs[:, j].astype(np.float64) for j, a in enumerate(policy.arms)}
    return pd.DataFrame({**found, "reason": reasons})
