"""How often the card is used, and for how much at a time."""

from __future__ import annotations

import numpy as np

from experiments.behaviour._history import Behaviour, Floats, History
from experiments.behaviour._windows import change, ratio

__all__ = ["FEATURES"]


def _ticket(spend: Floats, transactions: Floats) -> Floats:
    return np.asarray(spend.sum(axis=0) / np.maximum(transactions.sum(axis=0), 1), np.float64)


def _now(h: History) -> Floats:
    return _ticket(h.last("spend_usd", 4), h.last("transactions", 4))


def _then(h: History) -> Floats:
    return _ticket(h.before("spend_usd", 4), h.before("transactions", 4))


FEATURES = (
    Behaviour("transactions_1w", "count", "last week", lambda h: h.last("transactions", 1)[0]),
    Behaviour("transactions_4w", "count", "last four weeks", lambda h: h.last("transactions", 4).sum(axis=0)),
    Behaviour("transactions_8w", "count", "last eight weeks", lambda h: h.last("transactions", 8).sum(axis=0)),
    Behaviour("transactions_sd_8w", "count", "from week to week", lambda h: h.last("transactions", 8).std(axis=0)),
    Behaviour(
        "transactions_change_4w", "share", "against the four weeks before", lambda h: change(h, "transactions", 4)
    ),
    Behaviour("ticket_4w_usd", "usd", "mean transaction", _now),
    Behaviour(
        "ticket_8w_usd", "usd", "mean transaction", lambda h: _ticket(h.last("spend_usd", 8), h.last("transactions", 8))
    ),
    Behaviour(
        "ticket_change_4w", "share", "against the four weeks before", lambda h: ratio(_now(h) - _then(h), _then(h))
    ),
    Behaviour("active_weeks_4w", "count", "weeks with use", lambda h: h.last("active", 4).sum(axis=0)),
    Behaviour("active_weeks_8w", "count", "weeks with use", lambda h: h.last("active", 8).sum(axis=0)),
)
