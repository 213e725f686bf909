"""What is put by, and how fast it goes."""

from __future__ import annotations

import numpy as np

from experiments.behaviour._history import Behaviour, Floats, History
from experiments.behaviour._windows import ratio

__all__ = ["FEATURES"]


def _logs(h: History) -> Floats:
    out: Floats = np.log1p(h.last("savings_usd", 8))
    return out


def _drawdown(h: History) -> Floats:
    return 1 - ratio(h.last("savings_usd", 1)[0], h.last("savings_usd", 8).max(axis=0))


FEATURES = (
    Behaviour("savings_now_usd", "usd", "balance", lambda h: h.last("savings_usd", 1)[0]),
    Behaviour("savings_4w_ago_usd", "usd", "balance four weeks ago", lambda h: h.all("savings_usd")[-5]),
    Behaviour(
        "savings_change_4w", "log ratio", "balance against four weeks ago", lambda h: _logs(h)[-1] - _logs(h)[-5]
    ),
    Behaviour(
        "savings_change_7w", "log ratio", "balance against seven weeks ago", lambda h: _logs(h)[-1] - _logs(h)[0]
    ),
    Behaviour(
        "savings_least_8w_usd", "usd", "lowest balance of 8 weeks", lambda h: h.last("savings_usd", 8).min(axis=0)
    ),
    Behaviour(
        "savings_most_8w_usd", "usd", "highest balance of 8 weeks", lambda h: h.last("savings_usd", 8).max(axis=0)
    ),
    Behaviour("savings_drawdown_8w", "share", "of the highest balance that is gone", _drawdown),
    Behaviour(
        "savings_falling_weeks_8w",
        "count",
        "weeks in which the balance fell",
        lambda h: (np.diff(h.last("savings_usd", 8), axis=0) < 0).sum(axis=0),
    ),
    Behaviour("savings_sd_8w", "log sd", "how much the balance moves", lambda h: _logs(h).std(axis=0)),
    Behaviour(
        "savings_months",
        "months",
        "that the balance would cover at present spend",
        lambda h: ratio(h.last("savings_usd", 1)[0], h.last("spend_usd", 4).sum(axis=0)),
    ),
)
