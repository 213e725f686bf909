"""Guardrails of one group: limits on totals pro rata to its share of the units, limits on rates as they are."""

from __future__ import annotations

from collections.abc import Sequence

from rage_env.errors import GuardrailError
from rage_env.guardrails import Guardrail

__all__ = ["pro_rata"]

_COUNTS = frozenset(("contacts", "assigned", "present"))


def pro_rata(guardrails: Sequence[Guardrail], share: float, group: str) -> tuple[Guardrail, ...]:
    """The guardrails that this share of the units must keep, so that all groups together keep the whole's.

    Raises GuardrailError for a head-count of which the group's part is less than one.
    """
    return tuple(_part(g, share, group) for g in guardrails)


def _part(guardrail: Guardrail, share: float, group: str) -> Guardrail:
    if guardrail.denominator is not None or guardrail.limit == 0:
        return guardrail
    limit = guardrail.limit * share
    if set(guardrail.numerator) <= _COUNTS and guardrail.sense == "<=" and guardrail.limit >= 1 > limit:
        raise GuardrailError(
            f"{guardrail.name}: limit {guardrail.limit:g} a {guardrail.horizon} leaves {limit:.3g} for the group of "
            f"{group} (share {share:.3g} of the units), which is nobody. Raise the limit or the group's share, "
            "or state it as a rate."
        )
    return guardrail.model_copy(update={"limit": limit})
