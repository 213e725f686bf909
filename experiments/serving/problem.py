"""A problem as plain data and back, so that an agent can be started where its world is not installed as a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict

import numpy as np

from agents.interface import Problem
from rage_env.guardrails import Guardrail
from rage_env.interface import ArmSpec

__all__ = ["problem_of", "told_of"]

Told = dict[str, object]


def told_of(problem: Problem) -> Told:
    """Everything but the floor, as plain JSON."""
    plain = ("k", "d", "retention_value_usd", "weeks", "burn_in_weeks")
    return {
        **{name: getattr(problem, name) for name in plain},
        "feature_names": list(problem.feature_names),
        "arms": [asdict(arm) for arm in problem.arms],
        "guardrails": [guardrail.model_dump(mode="json") for guardrail in problem.guardrails],
        "reported_share": {column: np.asarray(law).tolist() for column, law in problem.reported_share.items()},
    }


def problem_of(told: Mapping[str, object]) -> Problem:
    """Inverse of told_of, without a floor. Raises KeyError, TypeError or ValueError for what told_of did not write."""
    held = json.loads(json.dumps(told))
    return Problem(
        k=int(held["k"]),
        d=int(held["d"]),
        feature_names=tuple(held["feature_names"]),
        arms=tuple(ArmSpec(**arm) for arm in held["arms"]),
        guardrails=tuple(Guardrail.model_validate_json(json.dumps(one)) for one in held["guardrails"]),
        retention_value_usd=float(held["retention_value_usd"]),
        weeks=int(held["weeks"]),
        burn_in_weeks=int(held["burn_in_weeks"]),
        reported_share={c: np.asarray(law, dtype=np.float64) for c, law in held["reported_share"].items()},
    )
