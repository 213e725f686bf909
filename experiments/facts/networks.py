"""The card networks' two ratios by month: VAMP (Visa, same month below the line) and ECP (Mastercard, month before).

Limits apply to merchants with enough cases; a cohort of ten thousand never has them, so `scale` says how many merchants
of this size stand behind it: counts are multiplied by it, ratios are not. Months are of four weeks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from experiments.facts.panel import Floats

__all__ = ["MONTH_WEEKS", "NETWORK_LIMITS", "Month", "by_month", "ecp", "known_by_month", "months", "vamp"]

MONTH_WEEKS = 4


@dataclass(frozen=True)
class NetworkLimit:
    """From a day on, a month with more than `above` cases (or at least so many) may not reach the ratio."""

    ratio: str  # vamp or ecp
    status: str
    share: float
    least_cases: int
    since: date = date.min


NETWORK_LIMITS = (  # the strictest last
    NetworkLimit("vamp", "excessive", 0.022, 1_501, date(2025, 1, 1)),
    NetworkLimit("vamp", "excessive", 0.015, 1_501, date(2026, 4, 1)),
    NetworkLimit("ecp", "excessive", 0.015, 100, date(2015, 1, 1)),
    NetworkLimit("ecp", "high excessive", 0.030, 300, date(2015, 1, 1)),
)
"""Visa VAMP: 2.2 % in 2025, 1.5 % from April 2026, above 1,500 cases a month. Mastercard ECP: 1.5 % from 100 and 3 %
from 300 charge-backs (its first day is not among the published figures; taken as long past)."""


@dataclass(frozen=True)
class Month:
    """A month's ratios and how the networks would look at them; NaN where nothing stands below the line."""

    month: int  # from 0
    fraud_and_disputes: float  # scaled
    chargebacks: float  # scaled
    vamp: float
    ecp: float
    vamp_status: str
    ecp_status: str


def months(weekly: Mapping[str, Floats], *, scale: float = 1.0, on: date = date(2026, 4, 1)) -> list[Month]:
    """Ratios and statuses of all whole months under the limits of a day.

    weekly: {fraud_reports, disputes, chargebacks, transactions: (t,)} as they became known. scale: `network_scale`.
    """
    held = {name: by_month(np.asarray(weekly[name], np.float64)) for name in weekly}
    settled, charged = held["transactions"], held["chargebacks"]
    cases = held["fraud_reports"] + held["disputes"]
    with np.errstate(divide="ignore", invalid="ignore"):
        same = np.where(settled > 0, cases / settled, np.nan)
        before = np.append(np.nan, np.where(settled[:-1] > 0, charged[1:] / settled[:-1], np.nan))[: len(settled)]
    return [
        Month(
            month, scale * c, scale * b, float(v), float(e),
            _status("vamp", float(v), scale * c, on), _status("ecp", float(e), scale * b, on),
        )
        for month, (c, b, v, e) in enumerate(zip(cases, charged, same, before, strict=True))
    ]  # fmt: skip


def _status(ratio: str, share: float, cases: float, on: date) -> str:
    """`kept`, or what the strictest limit of that day says that is reached with enough cases; '' without a ratio."""
    if math.isnan(share):
        return ""
    newest: dict[str, NetworkLimit] = {}
    for limit in sorted((x for x in NETWORK_LIMITS if x.ratio == ratio and x.since <= on), key=lambda x: x.since):
        newest[limit.status] = limit
    met = [x for x in newest.values() if share >= x.share and cases >= x.least_cases]
    return max(met, key=lambda x: x.share).status if met else "kept"


def by_month(weekly: Floats) -> Floats:
    """(m,) sums over consecutive months of four weeks; an unfinished month is left out. weekly: (t,)."""
    whole = len(weekly) // MONTH_WEEKS
    out: Floats = weekly[: whole * MONTH_WEEKS].reshape(whole, MONTH_WEEKS).sum(axis=1)
    return out


def vamp(fraud_reports: Floats, disputes: Floats, settled: Floats) -> Floats:
    """(m,) reported fraud and disputes of a month over transactions settled in the same month."""
    out: Floats = (fraud_reports + disputes) / settled
    return out


def ecp(chargebacks: Floats, settled: Floats) -> Floats:
    """(m - 1,) charge-backs of a month over transactions of the month before it, from the second month on."""
    out: Floats = chargebacks[1:] / settled[:-1]
    return out


def known_by_month(caused: Floats, reported_share: Floats) -> Floats:
    """(m,) what becomes known in each month of what weeks caused, by the delay law. reported_share: (ages,) to date."""
    per_age = np.diff(reported_share, prepend=0.0)
    return by_month(np.convolve(caused, per_age)[: len(caused)])
