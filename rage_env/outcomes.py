"""The ledger: every outcome of a user-week, its unit, its delay and its definition.

A ledger is `{column: (n,) array}`. Losses stand in the week and arm that caused them (accrual).
Columns marked `delayed` become known later, by a delay law that depends on age alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rage_env.errors import LogError

__all__ = [
    "COLUMNS",
    "DELAYED",
    "IMMEDIATE",
    "LEDGER",
    "LEDGER_VERSION",
    "LOSSES",
    "RESERVED",
    "Column",
    "net_revenue",
    "value",
]

LEDGER_VERSION = 2
"""Raised whenever a column is added, removed or redefined."""


@dataclass(frozen=True)
class Column:
    """One outcome of a user-week."""

    name: str
    unit: str
    meaning: str
    delayed: bool = False


LEDGER: tuple[Column, ...] = (
    Column("active", "0/1", "used the product at least once in the week"),
    Column("transactions", "count", "settled transactions"),
    Column("gmv", "usd", "gross merchandise value of those transactions"),
    Column("revenue_gross", "usd", "what the platform earns on them before any cost"),
    Column("bonus_cost", "usd", "bonuses and cashback paid out"),
    Column("contact_cost", "usd", "price of making the contact"),
    Column("contacts", "count", "contacts made with the user"),
    Column("redeemed", "0/1", "took up the offer"),
    Column("loss_fraud", "usd", "fraud written off, after the authorisation gate", delayed=True),
    Column("loss_bonus_abuse", "usd", "money taken by gaming the bonus rules"),
    Column("loss_credit", "usd", "credit written off", delayed=True),
    Column("fraud_reports", "count", "fraud cases reported", delayed=True),
    Column("disputes", "count", "transactions disputed", delayed=True),
    Column("chargebacks", "count", "transactions charged back", delayed=True),
    Column("abuse", "count", "incidents of bonus abuse"),
    Column("negative_reaction", "count", "unsubscribes, complaints, tickets"),
    Column("churned", "0/1", "left for good at the end of the week"),
    Column("late", "0/1", "missed a payment that was due in the week"),
    Column("defaulted", "0/1", "stopped paying for good"),
)

COLUMNS: tuple[str, ...] = tuple(c.name for c in LEDGER)
DELAYED: tuple[str, ...] = tuple(c.name for c in LEDGER if c.delayed)
IMMEDIATE: tuple[str, ...] = tuple(c.name for c in LEDGER if not c.delayed)

RESERVED: tuple[str, ...] = ("assigned", "present")
"""Head-counts a guardrail may use beside the ledger: 1 per assigned user-week; 1 while the user is still there."""

LOSSES: tuple[str, ...] = ("loss_fraud", "loss_bonus_abuse", "loss_credit")
"""Dollars lost, as `loss` adds them up; one user-week's together stay within its arm's max_loss_usd."""

_COSTS = (*LOSSES, "bonus_cost", "contact_cost")


def net_revenue(ledger: Mapping[str, NDArray[np.floating]]) -> NDArray[np.floating]:
    """`revenue_gross` less losses, bonuses and contacts, in dollars, in this order of subtraction.

    ledger: {column: array}, (n,) or (n, k), all of one shape, which is that of the answer. Raises LogError for a column
    that lacks.
    """
    missing = [c for c in ("revenue_gross", *_COSTS) if c not in ledger]
    if missing:
        raise LogError(f"net revenue needs the columns {missing}, which this ledger lacks")
    net = np.array(ledger["revenue_gross"], copy=True)
    for column in _COSTS:
        np.subtract(net, ledger[column], out=net)
    return net


def value(ledger: Mapping[str, NDArray[np.floating]], retention_value_usd: float) -> NDArray[np.floating]:
    """Net revenue less `retention_value_usd` for every user lost, in dollars: what agents and oracles maximise.

    ledger: as for `net_revenue`, (n,) or (n, k). Source: docs/decisions/0002-value-as-objective.md.
    """
    net = net_revenue(ledger)
    return net - net.dtype.type(retention_value_usd) * ledger["churned"] if retention_value_usd else net
