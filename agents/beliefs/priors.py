"""What is thought of an outcome before any data: only what arms declare of themselves, erring on the costly side."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from agents.beliefs.rates import RatePrior
from agents.interface import Problem
from rage_env.guardrails import Guardrail
from rage_env.outcomes import COLUMNS

__all__ = ["VALUED", "Exposure", "exposure_of", "open_losses", "prior_of", "rated_columns"]

Exposure = Literal["active", "transactions", "gmv", "present"]

_KNOWN = ("contacts", "contact_cost", "gmv", "transactions", "active", "churned")
_EXPOSURE: dict[str, Exposure] = {
    "loss_fraud": "gmv",
    "loss_credit": "gmv",
    "revenue_gross": "gmv",
    "chargebacks": "transactions",
    "disputes": "transactions",
    "fraud_reports": "transactions",
    "bonus_cost": "active",
    "redeemed": "active",
}
VALUED = ("revenue_gross", "bonus_cost", "loss_bonus_abuse", "loss_fraud", "loss_credit")
"""Columns whose rates make the net revenue of an arm; the price of a contact is known."""
_ACROSS_ARMS = ("loss_fraud", "chargebacks", "disputes", "fraud_reports", "revenue_gross")


_TIE = {
    "loss_fraud": 300.0,
    "chargebacks": 30.0,
    "disputes": 30.0,
    "fraud_reports": 30.0,
    "revenue_gross": 0.2,
    "abuse": 4.0,
}
"""Events that a cell's own rate must gather to count as much as the pool: fraud hardly depends on the offer."""
_EVENTS = {"abuse": 4.0, "loss_fraud": 8.0}
"""Events that the prior is worth where it is more than one; a declared bound is at most thrice the mean."""


def rated_columns(guardrails: tuple[Guardrail, ...]) -> tuple[str, ...]:
    """Ledger columns believed as rates: the late losses, and whatever guardrails count that is not known or volume."""
    used = set(VALUED)
    for g in guardrails:
        used |= set(g.numerator) | set(g.denominator or {})
    return tuple(c for c in COLUMNS if c in used and c not in _KNOWN)


def exposure_of(column: str) -> Exposure:
    """The volume that an outcome is a rate of."""
    return _EXPOSURE.get(column, "present")


def prior_of(column: str, problem: Problem, volume: float) -> RatePrior:
    """Prior of a column's rates; volume: mean exposure of a present user-week."""
    caps = np.array([a.offer_cap_usd for a in problem.arms])
    bounds = np.maximum([a.mean_loss_bound_usd for a in problem.arms], 1e-3)
    excess = np.maximum(bounds - bounds[0], 0.0)
    mean, size = _guess(column, caps, bounds, excess, problem.arms[0].max_loss_usd)
    if column == "loss_credit" and not excess.any():  # no arm adds to it: what arm 0 loses, all arms lose
        return RatePrior(bounds[0] / 3**0.5 / volume * np.ones_like(bounds), size, True, tie=_TIE["loss_fraud"])
    return RatePrior(
        mean / volume, size, column in _ACROSS_ARMS, events=_EVENTS.get(column, 1.0), tie=_TIE.get(column, 2.0)
    )


def open_losses(problem: Problem) -> tuple[tuple[int, float], ...]:
    """(arm, expected dollars) of the arms that may lose more than arm 0 although no offer caps the loss.

    A declared bound is at most three times the mean, so its middle on the log scale is bound / sqrt(3).
    """
    least = problem.arms[0].mean_loss_bound_usd
    excess = [(a, spec.mean_loss_bound_usd - least) for a, spec in enumerate(problem.arms) if spec.offer_cap_usd <= 0]
    return tuple((a, usd / 3**0.5) for a, usd in excess if usd > 0)


def _guess(
    column: str, caps: NDArray[np.float64], bounds: NDArray[np.float64], excess: NDArray[np.float64], max_loss: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean of a user-week and size of an event, (k,) each. Shares of caps are assumed, on the costly side."""
    ones = np.ones_like(caps)
    capped = caps > 0
    if column == "loss_fraud":
        return bounds[0] / 3**0.5 * ones, max(max_loss / 4, 1.0) * ones
    if column == "loss_credit":
        return np.where(capped, 0.0, excess) + 1e-3 * bounds[0], np.maximum(bounds, 1.0)
    if column == "loss_bonus_abuse":
        return np.where(capped, np.maximum(excess, 0.002 * caps), 0.0) + 1e-3, np.maximum(2 * caps, 1.0)
    if column == "bonus_cost":
        return 0.1 * caps + 1e-6, np.maximum(caps, 0.01)
    if column == "abuse":
        return 5e-5 + 2e-4 * caps, ones
    if column in ("chargebacks", "disputes", "fraud_reports"):
        return 0.005 * ones, 5.0 * ones
    return 0.02 * ones, ones
