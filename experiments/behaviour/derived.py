"""Trends, breaks with a customer's own past, burdens, and signs that come together."""

from __future__ import annotations

import numpy as np

from experiments.behaviour._history import Behaviour, Floats, History
from experiments.behaviour._windows import fading, latest, ratio, slope, standing_out, streak

__all__ = ["FEATURES"]

_TRENDS = {
    "savings": "savings_usd", "spend": "spend_usd", "fun": "discretionary_share", "atm": "atm_usd",
    "gambling": "gambling_usd", "lending": "lending_transfers", "failed_debits": "failed_debits",
    "transactions": "transactions", "salary_delay": "salary_delay_days",
}  # fmt: skip
_BREAKS = {name: _TRENDS[name] for name in _TRENDS if name not in ("fun", "salary_delay")}
_FADING = {
    "failed_debits": "failed_debits", "lending": "lending_transfers", "salary_late": "salary_delay_days",
    "bills_late": "utility_days_late", "gambling": "gambling_usd",
}  # fmt: skip
_SIGNS = ("salary_delay_days", "gambling_usd", "lending_transfers", "utility_days_late", "failed_debits", "late")


def _signs(h: History, weeks: int) -> Floats:
    """(weeks, 6, n) 1 where a warning sign showed in a week."""
    return np.stack([h.last(name, weeks) > 0 for name in _SIGNS], axis=1).astype(np.float64)


def _kinds(h: History, weeks: int) -> Floats:
    """(n,) how many kinds of sign showed."""
    return np.asarray(_signs(h, weeks).max(axis=0).sum(axis=0), np.float64)


def _any(h: History, weeks: int) -> Floats:
    """(weeks, n) 1 where any sign showed."""
    return np.asarray(_signs(h, weeks).max(axis=1), np.float64)


def _total(h: History, name: str, weeks: int = 4) -> Floats:
    return np.asarray(h.last(name, weeks).sum(axis=0), np.float64)


def _salary(h: History) -> Floats:
    return latest(h.all("salary_usd"))


def _debt(h: History) -> Floats:
    return np.asarray(np.exp(h.last("log_debt", 1)[0]), np.float64)


def _fall(h: History) -> Floats:
    """(n,) share of savings gone in four weeks, 0 where they grew."""
    return np.maximum(1 - ratio(h.last("savings_usd", 1)[0], h.all("savings_usd")[-5]), 0)


def _trend(name: str, series: str) -> Behaviour:
    return Behaviour(f"{name}_trend_8w", "a week", "least-squares slope", lambda h: slope(h.last(series, 8)))


def _break(name: str, series: str) -> Behaviour:
    return Behaviour(
        f"{name}_break_4w", "own sd", "last four weeks against all before", lambda h: standing_out(h, series)
    )


def _faded(name: str, series: str) -> Behaviour:
    return Behaviour(
        f"{name}_fading",
        "weeks",
        "weeks with it, older ones count less",
        lambda h: fading((h.all(series) > 0).astype(np.float64)),
    )


_BURDENS = (
    Behaviour("debt_over_salary", "ratio", "debt to a salary", lambda h: ratio(_debt(h), _salary(h), 100)),
    Behaviour(
        "debt_over_savings", "ratio", "debt to savings", lambda h: ratio(_debt(h), h.last("savings_usd", 1)[0], 100)
    ),
    Behaviour(
        "spend_over_salary_4w",
        "ratio",
        "card spend to a salary",
        lambda h: ratio(_total(h, "spend_usd"), _salary(h), 100),
    ),
    Behaviour(
        "outflow_over_salary_4w",
        "ratio",
        "spend, cash and gambling to a salary",
        lambda h: ratio(_total(h, "spend_usd") + _total(h, "atm_usd") + _total(h, "gambling_usd"), _salary(h), 100),
    ),
    Behaviour(
        "cash_share_4w",
        "share",
        "cash of cash and card",
        lambda h: ratio(_total(h, "atm_usd"), _total(h, "atm_usd") + _total(h, "spend_usd")),
    ),
    Behaviour(
        "gambling_over_spend_8w",
        "ratio",
        "gambled to spent",
        lambda h: ratio(_total(h, "gambling_usd", 8), _total(h, "spend_usd", 8)),
    ),
    Behaviour(
        "savings_over_salary",
        "ratio",
        "savings to a salary",
        lambda h: ratio(h.last("savings_usd", 1)[0], _salary(h), 100),
    ),
)

_TOGETHER = (
    Behaviour("signs_4w", "count", "kinds of warning sign in 4 weeks", lambda h: _kinds(h, 4)),
    Behaviour("signs_8w", "count", "kinds of warning sign in 8 weeks", lambda h: _kinds(h, 8)),
    Behaviour(
        "signs_more_4w",
        "count",
        "kinds of sign, 4 weeks less the 4 before",
        lambda h: _kinds(h, 4) - _signs(h, 8)[:4].max(axis=0).sum(axis=0),
    ),
    Behaviour("sign_weeks_8w", "count", "weeks with any sign", lambda h: _any(h, 8).sum(axis=0)),
    Behaviour("sign_streak_weeks", "weeks", "in a row with any sign, up to now", lambda h: streak(_any(h, 8))),
    Behaviour(
        "late_and_failed_debits",
        "product",
        "months late x debits failed in 4 weeks",
        lambda h: h.last("months_late", 1)[0] * _total(h, "failed_debits"),
    ),
    Behaviour(
        "late_and_lending",
        "product",
        "months late x transfers from lending apps in 4 weeks",
        lambda h: h.last("months_late", 1)[0] * _total(h, "lending_transfers"),
    ),
    Behaviour(
        "salary_late_and_savings_fall",
        "product",
        "salary delay in 4 weeks x share of savings gone",
        lambda h: h.last("salary_delay_days", 4).max(axis=0) * _fall(h),
    ),
    Behaviour(
        "due_and_signs",
        "product",
        "kinds of sign in 4 weeks where a payment falls due next, else 0",
        lambda h: (h.last("due_in_weeks", 1)[0] == 0) * _kinds(h, 4),
    ),
)

FEATURES = (
    *(_trend(name, series) for name, series in _TRENDS.items()),
    *(_break(name, series) for name, series in _BREAKS.items()),
    *(_faded(name, series) for name, series in _FADING.items()),
    *_BURDENS,
    *_TOGETHER,
)
