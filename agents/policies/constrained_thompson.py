"""Thompson sampling on linear beliefs of the effects, under guardrails."""

from __future__ import annotations

from agents.thompson import Thompson


class ConstrainedThompson(Thompson):
    """Draws effects on churn, GMV and late losses from their joint posterior."""

    name = "constrained_thompson"
