"""What is spent by card, how steadily, and on what."""

from __future__ import annotations

import numpy as np

from experiments.behaviour._history import Behaviour, Floats, History
from experiments.behaviour._windows import change, ratio

__all__ = ["FEATURES"]


def _fun(h: History, weeks: int) -> Floats:
    """(n,) dollars spent for fun."""
    return np.asarray((h.last("spend_usd", weeks) * h.last("discretionary_share", weeks)).sum(axis=0), np.float64)


def _mean(h: History, name: str, weeks: int) -> Floats:
    return np.asarray(h.last(name, weeks).mean(axis=0), np.float64)


FEATURES = (
    Behaviour("spend_1w_usd", "usd", "last week", lambda h: h.last("spend_usd", 1)[0]),
    Behaviour("spend_4w_usd", "usd", "last four weeks", lambda h: h.last("spend_usd", 4).sum(axis=0)),
    Behaviour("spend_mean_8w_usd", "usd a week", "over 8 weeks", lambda h: _mean(h, "spend_usd", 8)),
    Behaviour("spend_sd_8w_usd", "usd", "from week to week", lambda h: h.last("spend_usd", 8).std(axis=0)),
    Behaviour(
        "spend_cv_8w",
        "ratio",
        "sd over mean of 8 weeks",
        lambda h: ratio(h.last("spend_usd", 8).std(axis=0), _mean(h, "spend_usd", 8)),
    ),
    Behaviour("spend_most_8w_usd", "usd", "largest week of 8", lambda h: h.last("spend_usd", 8).max(axis=0)),
    Behaviour("spend_change_4w", "share", "four weeks against the four before", lambda h: change(h, "spend_usd", 4)),
    Behaviour(
        "spend_none_weeks_8w", "count", "weeks without spend", lambda h: (h.last("spend_usd", 8) <= 0).sum(axis=0)
    ),
    Behaviour("fun_share_4w", "share", "spent for fun, mean week", lambda h: _mean(h, "discretionary_share", 4)),
    Behaviour("fun_share_8w", "share", "spent for fun, mean week", lambda h: _mean(h, "discretionary_share", 8)),
    Behaviour(
        "fun_share_change_4w",
        "share",
        "four weeks against the four before",
        lambda h: change(h, "discretionary_share", 4, 0.1),
    ),
    Behaviour("fun_4w_usd", "usd", "spent for fun", lambda h: _fun(h, 4)),
    Behaviour("needs_4w_usd", "usd", "spent on all else", lambda h: h.last("spend_usd", 4).sum(axis=0) - _fun(h, 4)),
    Behaviour("gambling_4w_usd", "usd", "gambled", lambda h: h.last("gambling_usd", 4).sum(axis=0)),
    Behaviour(
        "gambling_weeks_8w", "count", "weeks with gambling", lambda h: (h.last("gambling_usd", 8) > 0).sum(axis=0)
    ),
)
