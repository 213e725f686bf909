"""The range in which each stylised fact must lie for the default world to be believed, and where the range comes from.

Ranges are wide on purpose: they hold for companies of this kind, not for one of them.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["ACCEPTED", "Accepted"]


class Accepted(NamedTuple):
    """Lowest and highest believable value of a fact."""

    low: float
    high: float
    source: str

    def holds(self, value: float) -> bool:
        """The value lies inside; NaN never does."""
        return self.low <= value <= self.high


_HOUSEHOLDS = "households of completejourney, widened"
_FILING = "Chime's public filing: S(52) = .50, S(104)/S(52) = .90"
_ASSUMED = "assumed"

ACCEPTED: dict[str, Accepted] = {
    "top 10 % of GMV": Accepted(0.35, 0.55, "completejourney .35, UCI payments .49, CDNOW .51"),
    "top 1 % of GMV": Accepted(0.06, 0.18, "completejourney .061, UCI payments .13, CDNOW .16"),
    "beta mixing a": Accepted(0.5, 2.0, _HOUSEHOLDS),
    "beta mixing b": Accepted(0.5, 2.0, _HOUSEHOLDS),
    "sd of user means": Accepted(0.22, 0.36, _HOUSEHOLDS),
    "activity lag 1": Accepted(0.25, 0.55, _HOUSEHOLDS),
    "activity lag 26 / lag 1": Accepted(0.55, 0.90, _HOUSEHOLDS),
    "activity and log-spend": Accepted(0.3, 0.6, _HOUSEHOLDS),
    "survival 52": Accepted(0.42, 0.58, _FILING),
    "survival 104 / 52": Accepted(0.85, 0.94, _FILING),
    "CV of weekly GMV": Accepted(0.0, 0.10, "completejourney .0675"),
    "fraud bps of GMV": Accepted(5.0, 20.0, "Nilson 6.4, Federal Reserve 17.6"),
    "share of users with fraud": Accepted(0.005, 0.03, "BAF paper: 1.1 % of applications"),
    "top tenth of fraud loss": Accepted(0.35, 1.0, _ASSUMED),
    "fraud over honest, mean": Accepted(1.0, float("inf"), _ASSUMED),
    "fraud over honest, median": Accepted(0.0, 1.0, _ASSUMED),
    "early fraud hazard": Accepted(4.0, float("inf"), _ASSUMED),
    "charge-back lag, median": Accepted(4.0, 7.0, "disputes within 30-90 days"),
    "charge-back lag, P90": Accepted(10.0, 15.0, "disputes within 30-90 days"),
    "charge-back lag, longest": Accepted(0.0, 18.0, "right to dispute 120 days, plus processing"),
    "first-party share of disputes": Accepted(0.35, 0.65, "Chargebacks911 2024: .45, others up to .70"),
    "abusers among newcomers at $10": Accepted(0.02, 0.08, "PayPal: 4.5 M of 120 M accounts acquired in two years"),
    "positive uplift in the top 10 %": Accepted(0.40, 0.75, "Criteo, widened"),
    "positive uplift in the top 30 %": Accepted(0.70, 0.95, "Criteo .71-.87, widened"),
    "relative effect of a nudge": Accepted(0.005, 0.05, "Hillstrom and Criteo e-mail and advertisement effects"),
    "relative effect of an offer": Accepted(0.10, 0.80, "Hillstrom visits and coupon trials"),
    "late, lag 1": Accepted(0.55, 0.75, "UCI credit card clients, Apr-Aug"),
    "late, lag 2": Accepted(0.37, 0.57, "UCI credit card clients, Apr-Aug"),
    "late, lag 3": Accepted(0.32, 0.52, "UCI credit card clients, Apr-Aug"),
    "late, lag 4": Accepted(0.27, 0.47, "UCI credit card clients, Apr-Aug"),
    "late, lag 5": Accepted(0.21, 0.41, "UCI credit card clients, Apr-Aug"),
    "cure after 1 late month": Accepted(0.30, 0.50, "UCI credit card clients, Apr-Aug"),
    "cure after 2 late months": Accepted(0.10, 0.30, "UCI credit card clients, Apr-Aug"),
    "cure after 3 late months": Accepted(0.05, 0.25, "UCI credit card clients, Apr-Aug"),
}
