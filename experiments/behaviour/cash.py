"""Cash that is taken out and cash that is borrowed."""

from __future__ import annotations

from experiments.behaviour._history import Behaviour
from experiments.behaviour._windows import change

__all__ = ["FEATURES"]

FEATURES = (
    Behaviour("atm_1w", "count", "withdrawals last week", lambda h: h.last("atm_withdrawals", 1)[0]),
    Behaviour("atm_4w", "count", "withdrawals", lambda h: h.last("atm_withdrawals", 4).sum(axis=0)),
    Behaviour("atm_4w_usd", "usd", "withdrawn", lambda h: h.last("atm_usd", 4).sum(axis=0)),
    Behaviour("atm_8w_usd", "usd", "withdrawn", lambda h: h.last("atm_usd", 8).sum(axis=0)),
    Behaviour(
        "atm_change_4w", "share", "withdrawn, against the four weeks before", lambda h: change(h, "atm_usd", 4, 20)
    ),
    Behaviour("atm_most_8w_usd", "usd", "largest week", lambda h: h.last("atm_usd", 8).max(axis=0)),
    Behaviour(
        "lending_4w", "count", "transfers from lending apps", lambda h: h.last("lending_transfers", 4).sum(axis=0)
    ),
    Behaviour(
        "lending_8w", "count", "transfers from lending apps", lambda h: h.last("lending_transfers", 8).sum(axis=0)
    ),
)
