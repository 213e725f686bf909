"""Disputes of all origins, and the chargebacks they become."""

from __future__ import annotations

from rage_env.week import Columns, MechanismParams, Week

__all__ = ["GIVES", "PARENTS", "Params", "draw", "mean"]

PARENTS = ("fraud_disputes", "credit_disputes")
GIVES = ("disputes", "chargebacks")


class Params(MechanismParams):
    """Nothing to set: every dispute is charged back (assumed)."""


def draw(week: Week, params: Params) -> Columns:
    """Counts."""
    total = week.now["fraud_disputes"] + week.now["credit_disputes"]
    return {"disputes": total, "chargebacks": total}


def mean(week: Week, params: Params) -> Columns:
    """The same sum, of means."""
    return draw(week, params)
