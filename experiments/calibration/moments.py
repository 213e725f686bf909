"""The moments of a panel that a calibration compares: what a weekly log can tell, each one number.

Activity and spend are measured on people who stayed throughout, survival on everybody of the first week.
"""

from __future__ import annotations

import math

import numpy as np

from experiments.facts import activity, late, spending
from experiments.facts.panel import Panel

__all__ = ["HELD_OUT", "LAGS", "NAMES", "SURVIVAL", "lag_name", "measured", "survival_name", "survival_week"]

LAGS = (1, 2, 4, 8, 13, 26)
SURVIVAL = (25, 50, 75, 100)  # per cent of the weeks watched
HELD_OUT = frozenset(
    {"log_spend_mean", "log_spend_sd", "log_spend_skew", "top_1_share", "top_10_share", "top_20_share", "gini",
     "weekly_cv", "one_week_share", "activity_week_26"}
)  # fmt: skip
"""Moments that are shown against the fit but do not enter it, unless nothing else tells their parameter."""

_MONTHS = (1, 2, 3)


def lag_name(lag: int) -> str:
    """The name of an autocorrelation of activity."""
    return f"activity_lag_{lag}"


def survival_name(percent: int) -> str:
    """The name of survival to this part of the weeks watched."""
    return f"survival_{percent}"


def survival_week(percent: int, weeks: int) -> int:
    """The week at whose beginning that survival is counted."""
    return round(percent / 100 * (weeks - 1))


NAMES: dict[str, str] = {
    "activity_mean": "share of user-weeks that are active",
    "user_mean_sd": "sd over users of their share of active weeks",
    **{lag_name(g): f"correlation of activity with itself {g} weeks later, pooled" for g in LAGS},
    "activity_week_26": "share of users active in week 26",
    "one_week_share": "of those ever active, share active in one week only",
    "spend_per_active_week": "mean spend of an active week, usd",
    "log_spend_mean": "mean log-spend of an active week, log usd",
    "log_spend_sd": "sd of log-spend of an active week",
    "log_spend_skew": "skewness of log-spend of an active week",
    "log_spend_between_sd": "sd of log-spend between users",
    "log_spend_within_sd": "sd of log-spend between weeks of a user",
    "activity_spend_correlation": "correlation over users of active weeks and mean log-spend",
    "spend_per_transaction": "usd per transaction",
    "top_1_share": "share of spend of the top 1 % of users",
    "top_10_share": "share of spend of the top 10 %",
    "top_20_share": "share of spend of the top 20 %",
    "gini": "Gini coefficient of spend over users",
    "weekly_cv": "coefficient of variation of total weekly spend",
    **{survival_name(p): f"share still there after {p} % of the weeks" for p in SURVIVAL},
    **{f"late_lag_{g}": f"correlation of being late with being late {g} months later" for g in range(1, 6)},
    "current_to_late": "chance of being late after a month on time",
    **{f"cure_after_{m}": f"chance of being on time after {m} late months" for m in _MONTHS},
}
"""{moment: what it is}."""


def measured(panel: Panel) -> dict[str, float]:
    """{moment: value} for every moment that the panel can tell; those that are not numbers are left out."""
    stayers = panel.stayers
    with np.errstate(divide="ignore", invalid="ignore"):  # a few people may all be alike: no number, and left out
        found = {**_survival(panel), **_late(panel)}
        if stayers.users > 1 and stayers.active.any():
            found |= {**_activity(stayers), **_spend(stayers)}
    return {name: value for name, value in found.items() if math.isfinite(value)}


def _activity(stayers: Panel) -> dict[str, float]:
    weeks = stayers.weeks
    mean = float(stayers.active.mean())
    found = {"activity_mean": mean, "one_week_share": _one_week_share(stayers)}
    if weeks > 26:
        found["activity_week_26"] = float(stayers.active[26].mean())
    if 0 < mean < 1:
        found["user_mean_sd"] = activity.user_mean_sd(stayers.active)
        found |= {lag_name(g): activity.lag_correlation(stayers.active, g) for g in LAGS if 2 * g <= weeks}
    return found


def _one_week_share(stayers: Panel) -> float:
    """Of those ever active, the share that was so in one week only."""
    weeks = stayers.active.sum(axis=0)
    return float((weeks == 1).sum() / (weeks > 0).sum())


def _spend(stayers: Panel) -> dict[str, float]:
    gmv, spent = stayers.gmv, stayers.gmv > 0
    total = gmv.sum(axis=0)
    if spent.sum() < 2 or (spent.sum(axis=0) >= 2).sum() < 2:
        return {}
    log = spending.log_spend(gmv)
    found = {
        "spend_per_active_week": float(gmv[spent].mean()),
        "log_spend_mean": log.mean,
        "log_spend_sd": log.sd,
        "log_spend_skew": log.skew,
        "log_spend_between_sd": log.between_sd,
        "log_spend_within_sd": log.within_sd,
        "activity_spend_correlation": spending.activity_spend_correlation(stayers.active, gmv),
        "top_1_share": spending.top_share(total, 0.01),
        "top_10_share": spending.top_share(total, 0.10),
        "top_20_share": spending.top_share(total, 0.20),
        "gini": spending.gini(total),
        "weekly_cv": spending.weekly_cv(gmv),
    }
    if "transactions" in stayers.columns:
        found["spend_per_transaction"] = float(gmv.sum() / stayers.columns["transactions"].sum())
    return found


def _survival(panel: Panel) -> dict[str, float]:
    if panel.present.all():
        return {}
    curve = activity.survival(panel.present)
    return {survival_name(p): float(curve[survival_week(p, panel.weeks)]) for p in SURVIVAL}


def _late(panel: Panel) -> dict[str, float]:
    """Months of four weeks: late in any of them."""
    if "late" not in panel.columns or panel.weeks < 8:
        return {}
    months = panel.weeks // 4
    weekly = panel.columns["late"][: months * 4].reshape(months, 4, -1)
    monthly = weekly.max(axis=1)[:, np.all(panel.present, axis=0)]
    if not 0 < monthly.mean() < 1:
        return {}
    lags = min(5, months - 1)
    found = {f"late_lag_{g + 1}": float(v) for g, v in enumerate(late.late_correlations(monthly, lags))}
    found["current_to_late"] = late.current_to_late(monthly)
    return found | {f"cure_after_{m}": late.cure_after(monthly, m) for m in _MONTHS if m + 1 < months}
