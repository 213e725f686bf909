"""What a run can tell its monitors, by parameter: the one list for checking a study and for running it.

Everything here is fixed before the data: the plan's length, caps from burn-in, the number of agents compared.
"""

from __future__ import annotations

from typing import Literal

__all__ = ["Against", "offered_for_guardrail", "offered_for_value"]

Against = Literal["paired", "groups"]
"""What a user's value is held against: the same life left alone, or the users of the control group."""


def offered_for_value(
    weeks: int, comparisons: int = 1, cap: float | None = 1.0, against: Against = "paired"
) -> dict[str, object]:
    """For monitors of `value`. comparisons: agents that share alpha. cap: most a user's mean (difference) may count."""
    return {"weeks": weeks, "mode": against, "comparisons": comparisons, "cap": cap}


def offered_for_guardrail(limit: float = 0.01, cap_usd: float = 1.0, seats: int = 1) -> dict[str, object]:
    """For monitors of a guardrail: its limit, what a user-week's denominator may count at most, users of an account."""
    return {"limit": limit, "cap_usd": cap_usd, "rows_per_unit": seats}
