"""The audit of a nudge in accounts: what gates leave, whom they spare and whom they miss, by conditional means."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rage_env.cohort import CohortEnv
from rage_env.mechanisms.attention import momentum
from rage_env.state import Archetype

__all__ = ["Audit", "Gates", "audited"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Gates:
    """When an account is left alone: a harmed admin, more than `toxic_share` of its seats harmed, too few seats.

    A seat is harmed if its lift is negative or its use lies above `busy_quantile` of all seats.
    """

    toxic_share: float = 0.10
    fewest_seats: int = 3
    busy_quantile: float = 0.90


@dataclass(frozen=True, eq=False)
class Audit:
    """m seats of a accounts in one week. Account i is seats[account == i]; money in dollars of the week."""

    account: NDArray[np.intp]  # (m,) 0..a-1
    admin: Flags  # (m,)
    archetype: NDArray[np.int8]  # (m,)
    usage: Floats  # (m,) spent in the last four weeks
    momentum: Floats  # (m,)
    alone: Floats  # (m,) expected gross revenue when left alone
    lift: Floats  # (m,) expected gross revenue gained by the nudge
    reactions: Floats  # (m,) expected negative reactions to the nudge
    gates: Gates = Gates()

    def total(self, amount: NDArray[Any]) -> Floats:  # Any: counts, flags or dollars
        """(a,) sums by account."""
        return np.asarray(np.bincount(self.account, weights=amount), np.float64)

    @cached_property
    def value(self) -> Floats:
        """(a,) lift of each account."""
        return self.total(self.lift)

    @cached_property
    def busy(self) -> Flags:
        """(m,) use above the gates' quantile."""
        return self.usage > np.quantile(self.usage, self.gates.busy_quantile)

    @cached_property
    def harmed(self) -> Flags:
        """(m,) by the gates' rule."""
        return (self.lift < 0) | self.busy

    @cached_property
    def vetoed(self) -> Flags:
        """(a,) accounts with a harmed admin."""
        return self.total(self.harmed & self.admin) > 0

    @cached_property
    def toxic(self) -> Flags:
        """(a,) not vetoed, with too large a share of harmed seats."""
        seats = self.total(np.ones(len(self.account)))
        return ~self.vetoed & (self.total(self.harmed) > self.gates.toxic_share * seats)

    @cached_property
    def small(self) -> Flags:
        """(a,) neither, with too few seats."""
        seats = self.total(np.ones(len(self.account)))
        return ~self.vetoed & ~self.toxic & (seats < self.gates.fewest_seats)

    @cached_property
    def left(self) -> Flags:
        """(a,) accounts that all gates let through."""
        return ~(self.vetoed | self.toxic | self.small)

    def reached(self, kind: Archetype) -> float:
        """Share of the seats of an archetype that sit in accounts let through."""
        return float(self.left[self.account][self.archetype == kind].mean())

    def best_share(self, worth: float) -> float:
        """The share of accounts let through, best first, that holds this share of their value."""
        gained = np.cumsum(np.sort(self.value[self.left])[::-1])
        return float((np.searchsorted(gained, worth * gained[-1]) + 1) / len(gained))

    def relative(self, seats: Flags) -> float:
        """Lift of these seats over what they bring when left alone."""
        return float(self.lift[seats].sum() / self.alone[seats].sum())


def audited(env: CohortEnv, accounts: int, arm: int = 1) -> Audit:
    """The first `accounts` accounts of a cohort that is about to live a week."""
    more, lives = env.traits.more, env.lives
    rows = np.flatnonzero(lives.alive)
    _, account = np.unique(more["account"][rows], return_inverse=True)
    rows, account = rows[account < accounts], account[account < accounts]
    means, at = env.truth.mean_outcomes(), np.searchsorted(env.shown, rows)
    revenue = means["revenue_gross"][at]
    return Audit(
        account=account,
        admin=more["admin"][rows] > 0,
        archetype=env.traits.archetype[rows],
        usage=lives.gmv[:, rows].sum(axis=0, dtype=np.float64),
        momentum=momentum(lives)[rows].astype(np.float64),
        alone=revenue[:, 0],
        lift=revenue[:, arm] - revenue[:, 0],
        reactions=means["negative_reaction"][at, arm],
    )
