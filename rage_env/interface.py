"""What passes between the world and those who act in it: arms, observations, feedback.

Axes: n users, k arms (arm 0 is `no_offer`), d features, g guardrails.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rage_env.errors import DecisionError
from rage_env.log import Reports, WeekLog
from rage_env.sight import features_of

__all__ = ["NO_OFFER", "ArmSpec", "Feedback", "Observation", "check_probs", "observe", "segment_names"]

NO_OFFER = 0
"""Arm 0, everywhere: leave the user alone."""

_SEGMENT = "segment_"


@dataclass(frozen=True)
class ArmSpec:
    """The public physics of an arm; the world enforces the bounds and `check_world` tests them.

    offer_cap_usd: the most the offer itself can cost in a week. max_loss_usd: the most a user-week under this
    arm can lose. mean_loss_bound_usd: a bound on the *expected* loss of a user-week.
    """

    name: str
    channel: str
    contact_cost_usd: float
    offer_cap_usd: float
    max_loss_usd: float
    mean_loss_bound_usd: float


@dataclass(frozen=True, eq=False)
class Observation:
    """What may be known of every user when the week's arms are chosen.

    numerator_to_date and denominator_to_date sum the run's own weeks, as reported by now, for each guardrail.
    denominator_last_week is what last week alone added at once; 0 before a first week was lived.
    """

    week: int
    user_id: NDArray[np.int64]  # (n,)
    unit: NDArray[np.int64]  # (n,) rows of one unit share a decision
    features: NDArray[np.float32]  # (n, d), finite
    action_mask: NDArray[np.int8]  # (n, k), 1 where the arm is allowed; arm 0 always is
    is_new: NDArray[np.bool_]  # (n,)
    present: NDArray[np.bool_]  # (n,) False once a user has left; such rows are masked to arm 0
    segments: Mapping[str, NDArray[np.integer]]  # {name: (n,) codes}
    status_quo: NDArray[np.float32]  # (n, k), rows sum to 1
    numerator_to_date: NDArray[np.float64]  # (g,)
    denominator_to_date: NDArray[np.float64]  # (g,)
    denominator_last_week: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))  # (g,) or empty

    def __post_init__(self) -> None:
        n = len(self.user_id)
        for name in ("unit", "features", "action_mask", "is_new", "present", "status_quo"):
            rows = len(getattr(self, name))
            if rows != n:
                raise DecisionError(f"observation of week {self.week}: {name} has {rows} rows for {n} users")
        if not np.isfinite(self.features).all():
            row, column = np.argwhere(~np.isfinite(self.features))[0]
            raise DecisionError(
                f"observation of week {self.week}: feature {column} of user {self.user_id[row]} is not finite"
            )
        if not (self.action_mask[:, NO_OFFER] == 1).all():
            row = int(np.argmin(self.action_mask[:, NO_OFFER]))
            raise DecisionError(f"observation of week {self.week}: user {self.user_id[row]} may not be left alone")

    @property
    def n(self) -> int:
        """Users, present or not."""
        return len(self.user_id)

    @property
    def k(self) -> int:
        """Arms."""
        return int(self.action_mask.shape[1])


@dataclass(frozen=True)
class Feedback:
    """What an agent learns once a week: the rows just lived and what was reported since the last call."""

    new: WeekLog
    reports: Reports = field(default_factory=Reports.empty)


def observe(obs: NDArray[np.float32] | Mapping[str, NDArray[Any]], info: Mapping[str, Any]) -> Observation:
    """The one constructor of an Observation from what a cohort's `reset` or `step` returned.

    obs: (n, d), or a mapping with masks beside. info: Gymnasium's.
    """
    return Observation(
        week=int(info["week"].item(0)),
        user_id=info["user_id"],
        unit=info["unit"],
        features=features_of(obs),
        action_mask=info["action_mask"],
        is_new=info["is_new"],
        present=info["present"],
        segments={k.removeprefix(_SEGMENT): v for k, v in info.items() if k.startswith(_SEGMENT)},
        status_quo=info["status_quo"],
        numerator_to_date=np.asarray(info["numerator_to_date"][0], dtype=np.float64),
        denominator_to_date=np.asarray(info["denominator_to_date"][0], dtype=np.float64),
        denominator_last_week=np.asarray(info["denominator_last_week"][0], dtype=np.float64),
    )


def check_probs(observation: Observation, probs: NDArray[np.floating]) -> NDArray[np.floating]:
    """The probabilities (n, k) themselves, if arms can be drawn from them. Raises DecisionError naming the user."""
    shape = (observation.n, observation.k)
    if probs.shape != shape:
        raise DecisionError(f"week {observation.week}: probs have shape {probs.shape}, expected {shape}")
    total = probs.sum(axis=1, dtype=np.float64)
    bad = ~(np.abs(total - 1) < 1e-5) | (probs < 0).any(axis=1)
    bad |= ((probs > 0) & (observation.action_mask == 0)).any(axis=1)
    if bad.any():
        row = int(np.argmax(bad))
        raise DecisionError(
            f"week {observation.week}, user {observation.user_id[row]}: probabilities must be >= 0, sum to 1 "
            f"and be 0 on masked arms; got {probs[row].tolist()}, mask {observation.action_mask[row].tolist()}"
        )
    return probs


def segment_names(info: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the segment columns an info carries."""
    return tuple(k.removeprefix(_SEGMENT) for k in info if k.startswith(_SEGMENT))
