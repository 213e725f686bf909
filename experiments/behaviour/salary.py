"""Whether money comes in, how much of it, and when."""

from __future__ import annotations

import numpy as np

from experiments.behaviour._history import Behaviour, Floats, History
from experiments.behaviour._windows import latest, ratio, since

__all__ = ["FEATURES"]


def _paydays(h: History) -> Floats:
    return np.asarray(np.maximum((h.all("salary_usd") > 0).sum(axis=0), 1), np.float64)


def _spread(h: History) -> Floats:
    """(n,) standard deviation over paydays."""
    paid = h.all("salary_usd")
    mean = paid.sum(axis=0) / _paydays(h)
    return np.asarray(np.sqrt((((paid - mean) * (paid > 0)) ** 2).sum(axis=0) / _paydays(h)), np.float64)


def _late(h: History) -> Floats:
    return np.asarray((h.all("salary_delay_days") > 0).sum(axis=0), np.float64)


def _mean(h: History, weeks: int) -> Floats:
    paid = h.last("salary_usd", weeks)
    return np.asarray(paid.sum(axis=0) / np.maximum((paid > 0).sum(axis=0), 1), np.float64)


def _change(h: History) -> Floats:
    last, before = h.last("salary_usd", 4).max(axis=0), h.before("salary_usd", 4).max(axis=0)
    return ratio(last - before, before)


FEATURES = (
    Behaviour("salary_last_usd", "usd", "the latest salary", lambda h: latest(h.all("salary_usd"))),
    Behaviour("salary_mean_8w_usd", "usd", "mean salary of the last 8 weeks", lambda h: _mean(h, 8)),
    Behaviour("salary_sd_usd", "usd", "how much salaries differ", _spread),
    Behaviour("salary_change", "share", "last four weeks' salary against the four before", _change),
    Behaviour("salary_count_8w", "count", "salaries in 8 weeks", lambda h: (h.last("salary_usd", 8) > 0).sum(axis=0)),
    Behaviour("salary_since_weeks", "weeks", "since the latest salary", lambda h: since(h.all("salary_usd"))),
    Behaviour(
        "salary_delay_4w_days", "days", "longest delay in 4 weeks", lambda h: h.last("salary_delay_days", 4).max(axis=0)
    ),
    Behaviour(
        "salary_delay_8w_days", "days", "longest delay in 8 weeks", lambda h: h.last("salary_delay_days", 8).max(axis=0)
    ),
    Behaviour(
        "salary_delay_mean_days",
        "days",
        "mean delay of a salary",
        lambda h: h.all("salary_delay_days").sum(axis=0) / _paydays(h),
    ),
    Behaviour("salary_late_count", "count", "salaries that came late", _late),
    Behaviour("salary_late_share", "share", "of salaries that came late", lambda h: _late(h) / _paydays(h)),
    Behaviour(
        "salary_over_spend_4w",
        "ratio",
        "salary to card spend, 4 weeks",
        lambda h: ratio(h.last("salary_usd", 4).sum(axis=0), h.last("spend_usd", 4).sum(axis=0)),
    ),
)
