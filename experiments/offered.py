"""What a run can tell its monitors, by parameter: the one list for checking a study and for running it.

Everything here is fixed before the data: the plan's length, caps from burn-in, the number of agents compared, the
delay law, the arms' bounds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from experiments.completed import Completed
    from rage_env.cohort import CohortEnv
    from rage_env.guardrails import Guardrail
    from rage_env.log import WeekLog

__all__ = ["Against", "Told", "certificate_age", "known_at", "offered_for_guardrail", "offered_for_value"]

Against = Literal["paired", "groups"]
"""What a user's value is held against: the same life left alone, or the users of the control group."""

MATURE_WEEKS = 18
"""Age at which a certificate reads its rows unless told otherwise."""

_EARLY_AGES = (2, 4, 8, 18)
"""Weeks after which an alarm looks at a user-week again: the sooner, the less is known of it."""


@dataclass(frozen=True, eq=False)
class Told:
    """What is known of a run, or of a group, before its first week. unit: (n,) accounts, where users share them."""

    guardrails: Sequence[Guardrail]
    burn_in: Sequence[WeekLog]
    shares: Mapping[str, NDArray[np.float64]]  # {late column: (ages,) known by age}
    max_loss_usd: float  # of a user-week, whatever the arm
    arms: tuple[str, ...]
    features: tuple[str, ...]
    drawn_together: bool  # whether arms of a week may be drawn jointly
    completed: Completed  # by which law value is completed
    unit: NDArray[np.int64] | None = None

    @classmethod
    def of(
        cls,
        env: CohortEnv,
        completed: Completed,
        unit: NDArray[np.int64] | None = None,
        guardrails: Sequence[Guardrail] | None = None,
    ) -> Told:
        """Of a world just opened. guardrails: the group's own, where they are not the world's."""
        world = env.scenario
        return cls(
            guardrails=world.guardrails if guardrails is None else guardrails,
            burn_in=env.burn_in_logs,
            shares={column: law.reported_share for column, law in env.laws.items()},
            max_loss_usd=max(arm.max_loss_usd for arm in world.specs),
            arms=tuple(env.arm_names),
            features=tuple(env.features.names),
            drawn_together=any(g.hard for g in world.guardrails),
            completed=completed,
            unit=unit,
        )

    @property
    def wait_weeks(self) -> int:
        """Age from which weeks count in completed value."""
        return self.completed.wait_weeks

    @property
    def seats(self) -> int:
        """Most users of an account; 1 where each is alone."""
        return 1 if self.unit is None else int(np.unique(self.unit, return_counts=True)[1].max())


def offered_for_value(
    weeks: int, comparisons: int = 1, cap: float | None = 1.0, against: Against = "paired", seats: int = 1
) -> dict[str, object]:
    """For monitors of `value`. comparisons: agents that share alpha. cap: most a user's mean (difference) may count.

    weeks: with something to look at. seats: users of an account in paired runs; groups hold one row an account.
    """
    rows = seats if against == "paired" else 1
    return {
        "weeks": weeks,
        "mode": against,
        "comparisons": comparisons,
        "cap": cap,
        "rows_per_unit": rows,
        "falling_information": "say",  # completed value is fed as it should be; late losses alone may lower it
    }


def offered_for_guardrail(
    limit: float = 0.01,
    cap_usd: float = 1.0,
    seats: int = 1,
    *,
    weeks: int = 26,
    max_loss_usd: float = 1.0,
    reported_share: float = 1.0,
) -> dict[str, object]:
    """For monitors of a guardrail: its limit, what a user-week's denominator may count at most, users of an account.

    weeks: of the study; ages that it never reaches would only cost level. max_loss_usd: the most a row's numerator
    can come to. reported_share: what of it is known at the certificate's age, by the declared delay law.
    """
    ages = tuple(age for age in _EARLY_AGES if age < weeks) or (0,)
    return {
        "limit": limit,
        "cap_usd": cap_usd,
        "rows_per_unit": seats,
        "ages": ages,
        "max_loss_usd": max_loss_usd,
        "reported_share": reported_share,
    }


def known_at(shares: Mapping[str, NDArray[np.float64]], columns: Sequence[str], age: int) -> float:
    """The least share of these columns that is known at an age in weeks; what shows at once is known whole."""
    late = [shares[c] for c in columns if c in shares]
    return float(min((law[min(age, len(law) - 1)] for law in late), default=1.0))


def certificate_age(params: Mapping[str, object]) -> int:
    """Age in weeks at which a certificate reads its rows: as the study says, else when all is known."""
    age = params.get("mature_age_weeks", MATURE_WEEKS)
    return age if isinstance(age, int) else MATURE_WEEKS
