"""How the loan, bills and direct debits are paid."""

from __future__ import annotations

import numpy as np

from experiments.behaviour._history import Behaviour
from experiments.behaviour._windows import latest, since

__all__ = ["FEATURES"]

FEATURES = (
    Behaviour("months_late", "months", "payments missed in a row", lambda h: h.last("months_late", 1)[0]),
    Behaviour("late_payments_8w", "count", "payments missed in 8 weeks", lambda h: h.last("late", 8).sum(axis=0)),
    Behaviour("late_payments", "count", "payments missed in all known weeks", lambda h: h.all("late").sum(axis=0)),
    Behaviour("late_since_weeks", "weeks", "since a payment was missed", lambda h: since(h.all("late"))),
    Behaviour("due_in_weeks", "weeks", "until a payment falls due", lambda h: h.last("due_in_weeks", 1)[0]),
    Behaviour("debt_usd", "usd", "owed", lambda h: np.exp(h.last("log_debt", 1)[0])),
    Behaviour("in_default", "0/1", "pays no more", lambda h: h.last("in_default", 1)[0]),
    Behaviour("bill_last_days_late", "days", "of the latest late bill", lambda h: latest(h.all("utility_days_late"))),
    Behaviour("bill_8w_days_late", "days", "in all, of 8 weeks", lambda h: h.last("utility_days_late", 8).sum(axis=0)),
    Behaviour("bills_late", "count", "bills paid late", lambda h: (h.all("utility_days_late") > 0).sum(axis=0)),
    Behaviour("failed_debits_4w", "count", "direct debits failed", lambda h: h.last("failed_debits", 4).sum(axis=0)),
    Behaviour("failed_debits_8w", "count", "direct debits failed", lambda h: h.last("failed_debits", 8).sum(axis=0)),
)
