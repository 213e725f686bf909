"""Rules that come before any optimisation: which units must be left alone whatever they promise, and why.

A user is harmed by an offer if the lower bound of its lift lies under 0, or if the user is among the busiest. A unit
(an account, or a user alone) is shut out by the first rule that it breaks, in the order of `Reason`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.interface import Reason
from agents.sharing import together
from rage_env.interface import Observation

__all__ = ["Gates", "Rules", "within_budget"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Rules:
    """toxic_share: most of a unit's users that may be harmed. fewest: users of a unit, where there are accounts.

    busy_quantile: users above it by the feature `activity` count as harmed. admins: segment whose code 1 marks admins.
    """

    toxic_share: float
    fewest: int
    busy_quantile: float
    activity: str
    admins: str


class Gates:
    """The rules applied to one week. codes: (n,) unit of each row, absent users on their own."""

    def __init__(self, observation: Observation, names: tuple[str, ...], rules: Rules, resting: Flags) -> None:
        self.observation, self.rules, self.resting = observation, rules, resting
        shared = together(observation)
        self.accounts = shared is not None
        self.codes = np.arange(observation.n) if shared is None else shared
        role = observation.segments.get(rules.admins, np.zeros(observation.n))
        self.admin = (np.asarray(role) == 1) & observation.present
        self.busy = self._busy(names)

    def total(self, amount: NDArray[np.generic]) -> Floats:
        """(n,) sum of `amount` (n,) over present users of each row's unit."""
        here = np.where(self.observation.present, amount, 0).astype(np.float64)
        return np.asarray(np.bincount(self.codes, weights=here)[self.codes], dtype=np.float64)

    def reason(self, low: Floats, profit: Floats, least_usd: float) -> NDArray[np.int8]:
        """(n,) TARGETED where an arm may be offered, else the rule that forbids it.

        low: (n,) lower bounds of its lift. profit: (n,) what it brings a user, net of its price; its unit must gain
        more than `least_usd`.
        """
        harmed = ((low < 0) | self.busy) & self.observation.present
        users = np.maximum(self.total(np.ones(self.observation.n)), 1.0)
        rules = (
            (Reason.ADMIN_VETO, self.total(harmed & self.admin) > 0),
            (Reason.TOXIC_USERS, self.total(harmed) > self.rules.toxic_share * users),
            (Reason.TOO_SMALL, self.accounts & (users < self.rules.fewest)),
            (Reason.UNPROFITABLE, self.total(profit) <= least_usd),
            (Reason.COOL_DOWN, self.resting),
        )
        return np.select([broken for _, broken in rules], [code for code, _ in rules], Reason.TARGETED).astype(np.int8)

    def _busy(self, names: tuple[str, ...]) -> Flags:
        here = self.observation.present
        if self.rules.activity not in names or not here.any():
            return np.zeros(self.observation.n, np.bool_)
        use = self.observation.features[:, names.index(self.rules.activity)]
        return np.asarray(use > np.quantile(use[here], self.rules.busy_quantile))


def within_budget(gates: Gates, profit: Floats, cost: Floats, budget_usd: float) -> Flags:
    """(n,) rows whose unit the budget reaches when units are served best first, ties by unit.

    profit, cost: (n,) of each user; a unit with no profit costs nothing, since it is not served.
    """
    _, first = np.unique(gates.codes, return_index=True)
    worth, price = gates.total(profit)[first], gates.total(cost)[first]
    order = np.argsort(-worth, kind="stable")
    spent = np.cumsum(np.where(worth > 0, price, 0.0)[order])
    reached = np.zeros(len(first), np.bool_)
    reached[order] = spent <= budget_usd + 1e-9
    return reached[gates.codes]
