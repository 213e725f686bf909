"""The card networks' two ratios by month: VAMP (Visa, same month below the line) and ECP (Mastercard, month before)."""

from __future__ import annotations

import numpy as np

from experiments.facts.panel import Floats

__all__ = ["by_month", "ecp", "known_by_month", "vamp"]

_WEEKS = 4


def by_month(weekly: Floats) -> Floats:
    """(m,) sums over consecutive months of four weeks; an unfinished month is left out. weekly: (t,)."""
    months = len(weekly) // _WEEKS
    out: Floats = weekly[: months * _WEEKS].reshape(months, _WEEKS).sum(axis=1)
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
