"""What fraud costs, whom it touches, when it strikes and when it becomes known."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from experiments.facts.panel import Bools, Floats
from experiments.facts.spending import top_share
from rage_env.log import Reports
from rage_env.outcomes import DELAYED
from rage_env.state import FraudType

__all__ = [
    "Lags",
    "abuser_share",
    "affected_share",
    "amounts_against_honest",
    "early_hazard",
    "first_party_share",
    "loss_bps",
    "report_lags",
    "top_tenth_of_loss",
]


class Lags(NamedTuple):
    """Weeks from the week that caused a report to the week in which it is known."""

    median: float
    p90: float
    longest: float


def loss_bps(loss: Floats, gmv: Floats) -> float:
    """Loss in basis points of GMV; any shape, realised or expected."""
    return float(1e4 * loss.sum() / gmv.sum())


def affected_share(loss: Floats) -> float:
    """Share of people with any loss to fraud. loss: (t, n) usd."""
    return float((loss.sum(axis=0) > 0).mean())


def top_tenth_of_loss(loss: Floats) -> float:
    """Share of the loss that a tenth of the affected people cause (at least one of them). loss: (t, n) usd."""
    total = loss.sum(axis=0)
    affected = total[total > 0]
    return top_share(affected, max(0.1, 1 / len(affected)))


def amounts_against_honest(loss: Floats, gmv: Floats) -> tuple[float, float]:
    """(mean, median) of fraud amounts over those of honest active weeks. loss, gmv: (t, n) usd."""
    fraud, honest = loss[loss > 0], gmv[(gmv > 0) & (loss == 0)]
    return float(fraud.mean() / honest.mean()), float(np.median(fraud) / np.median(honest))


def early_hazard(loss: Floats, active: Floats) -> float:
    """Cases per active week in the first 8 weeks over those in weeks 27-52, of a newborn cohort. (t, n) each."""
    cases = (loss > 0).astype(np.float64)
    early, late = slice(0, 8), slice(26, 52)
    return float((cases[early].sum() / active[early].sum()) / (cases[late].sum() / active[late].sum()))


def first_party_share(disputes: Floats, fraud_type: np.ndarray[tuple[int], np.dtype[np.int8]]) -> float:
    """Share of disputes that customers raised against purchases of their own. disputes: (t, n), fraud_type: (n,)."""
    by_user = disputes.sum(axis=0)
    return float(by_user[fraud_type == FraudType.FIRST_PARTY].sum() / by_user.sum())


def abuser_share(fraud_type: np.ndarray[tuple[int], np.dtype[np.int8]], newcomer: Bools) -> float:
    """Share of bonus abusers among newcomers. fraud_type, newcomer: (n,)."""
    return float((fraud_type[newcomer] == FraudType.ABUSER).mean())


def report_lags(reports: Reports, column: str) -> Lags:
    """How late a delayed column becomes known, over its reports."""
    mine = reports.where(reports.column == DELAYED.index(column))
    lag = mine.reported_week - mine.accrual_week
    return Lags(float(np.median(lag)), float(np.quantile(lag, 0.9)), float(lag.max()))
