"""What an agent is: it is told the problem once, decides every week, and learns from what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from agents.sharing import check_shared
from rage_env.errors import DecisionError
from rage_env.guardrails import Guardrail
from rage_env.interface import ArmSpec, Feedback, Observation, check_probs

if TYPE_CHECKING:
    from agents.allocation import Allocation

__all__ = ["Agent", "Decision", "Expects", "Problem", "Reason"]


class Reason(IntEnum):
    """Why a user was (not) given an offer; one code a user in `Decision.reason`."""

    TARGETED = 0
    HELD_OUT = 1
    ADMIN_VETO = 2
    TOXIC_USERS = 3
    TOO_SMALL = 4
    UNPROFITABLE = 5
    CAPACITY = 6
    COOL_DOWN = 7
    MASKED = 8
    EXPLORED = 9


@dataclass(frozen=True)
class Problem:
    """The public facts of a world. floor: least propensity of every allowed arm, scalar or (n,)."""

    k: int
    d: int
    feature_names: tuple[str, ...]
    arms: tuple[ArmSpec, ...]
    guardrails: tuple[Guardrail, ...]
    retention_value_usd: float
    weeks: int
    burn_in_weeks: int
    reported_share: Mapping[str, NDArray[np.float64]]  # {delayed column: (T,)}, by age in weeks, 1 beyond
    floor: float | NDArray[np.float64] = 0.0

    def __post_init__(self) -> None:
        if len(self.arms) != self.k or len(self.feature_names) != self.d:
            raise DecisionError(
                f"problem: {self.k} arms and {self.d} features announced, "
                f"{len(self.arms)} and {len(self.feature_names)} described"
            )


class Expects(Protocol):
    """What an agent expects of the week, user by user and arm by arm; shown in reports, never used to draw."""

    @property
    def value(self) -> NDArray[np.float64]:
        """(n, k) dollars beyond arm 0."""
        ...

    @property
    def means(self) -> Mapping[str, NDArray[np.float64]]:
        """{column of the ledger: (n, k)} expected outcomes, of the columns that guardrails need."""
        ...


@dataclass(frozen=True, eq=False)
class Decision:
    """Probabilities of the arms, after guardrails; the runner draws from exactly these."""

    probs: NDArray[np.float32]  # (n, k), rows sum to 1, 0 where masked
    allocation: Allocation | None = None
    reason: NDArray[np.int8] = field(default_factory=lambda: np.empty(0, np.int8))  # (n,) Reason codes, or empty
    expects: Expects | None = None

    def check(self, observation: Observation) -> Decision:
        """Itself, if the runner can draw from it. Raises DecisionError naming user, rule and value."""
        check_probs(observation, self.probs)
        check_shared(self.probs, observation)
        if len(self.reason) not in (0, observation.n):
            raise DecisionError(f"week {observation.week}: {len(self.reason)} reasons for {observation.n} users")
        return self


@runtime_checkable
class Agent(Protocol):
    """Decides for the whole cohort once a week. Deterministic given its seed and what it was shown.

    `unconstrained` agents are drawn as they ask; all others keep the guardrails through `agents.allocation`.
    """

    name: str
    unconstrained: bool

    def start(self, problem: Problem) -> None:
        """Forget everything and face this problem."""
        ...

    def decide(self, observation: Observation) -> Decision:
        """Probabilities for every user; never looks at anything but the observation and what was learned."""
        ...

    def learn(self, feedback: Feedback) -> None:
        """Take in last week's rows and the reports that came since. A week may bring nothing."""
        ...

    def describe(self) -> dict[str, object]:
        """Parameters and what the agent currently believes, as plain JSON."""
        ...

    def save(self) -> tuple[dict[str, NDArray[np.generic]], dict[str, object]]:
        """State as plain arrays and JSON; `load` of the same gives the same next decision."""
        ...

    def load(self, arrays: Mapping[str, NDArray[np.generic]], facts: Mapping[str, object]) -> None:
        """Inverse of save, after `start`."""
        ...
