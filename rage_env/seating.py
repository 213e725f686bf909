"""Who sits together: accounts of several seats, packed into blocks of slots that no account leaves.

Which account a slot belongs to is a pure function of (seed, slot): sizes are drawn from the accounts' own luck and laid
one after the other from the start of each block. An account that does not fit into what is left of its block, or that
the end of the cohort cuts off, stays empty for good; so chunks and shards that hold whole blocks hold whole accounts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from rage_env.randomness import POPULATION_WEEK, Draw, Noise, person_keys

__all__ = ["BLOCK", "Seating", "SizeClass", "colleagues", "seating"]

BLOCK = 256
"""Slots that are seated together; divides a chunk of 16,384."""

_FIRST_ACCOUNT = 1 << 61  # accounts are persons of their own, far from all users
_ENDLESS = 1 << 62


class SizeClass(BaseModel):
    """One class of accounts: its share of them, and seats spread evenly from fewest to most.

    churn_times: multiplies a seat's weekly rate of leaving.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)
    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    share: float = Field(ge=0, le=1)
    fewest: int = Field(ge=1, le=BLOCK)
    most: int = Field(ge=1, le=BLOCK)
    churn_times: float = Field(ge=0)


@dataclass(frozen=True, eq=False)
class Seating:
    """Where n slots sit."""

    account: NDArray[np.int64]  # (n,) slot of the account's first seat: its name
    place: NDArray[np.int64]  # (n,) of the seat in its account, from 0
    seats: NDArray[np.int64]  # (n,) of the account
    size_class: NDArray[np.int8]  # (n,) index into the classes
    occupied: NDArray[np.bool_]  # (n,) False for the slots that stay empty
    luck: Noise  # the account's own, one row a slot


def seating(key: int, slot: NDArray[np.int64], classes: Sequence[SizeClass], slots: int | None = None) -> Seating:
    """Where these slots sit. key: of the seed; slot: (n,) places in the whole cohort of `slots` slots."""
    block, within = np.divmod(slot, BLOCK)
    blocks, at = np.unique(block, return_inverse=True)
    accounts = (blocks[:, None] * BLOCK + np.arange(BLOCK)).ravel() + _FIRST_ACCOUNT
    luck = Noise(key, person_keys(key, accounts), POPULATION_WEEK)
    kind, size = _sizes(luck, classes)
    ends = np.cumsum(size.reshape(-1, BLOCK), axis=1)
    stride = BLOCK * BLOCK + 1
    in_line = (ends + stride * np.arange(len(blocks))[:, None]).ravel()
    mine = np.searchsorted(in_line, at * stride + within, side="right")
    end, seats = ends.ravel()[mine], size[mine]
    first = block * BLOCK + end - seats
    fits = (end <= BLOCK) & (first + seats <= (_ENDLESS if slots is None else slots))
    return Seating(first, slot - first, seats, kind[mine], fits, luck.take(mine))


def _sizes(luck: Noise, classes: Sequence[SizeClass]) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
    """(m,) class and seats of accounts."""
    which, spread = luck.pair(Draw.SEATS)
    kind = np.searchsorted(np.cumsum([c.share for c in classes])[:-1], which, side="right").astype(np.int8)
    fewest, most = (np.array([getattr(c, end) for c in classes]).take(kind) for end in ("fewest", "most"))
    return kind, fewest + np.floor(spread.astype(np.float64) * (most - fewest + 1)).astype(np.int64)


def colleagues(account: NDArray[np.int64], amount: NDArray[np.floating]) -> NDArray[np.float64]:
    """(n,) sum of `amount` over each row's account, the row itself included. Rows hold whole accounts."""
    if not len(account):
        return np.zeros(0)
    at = account - account.min()
    return np.asarray(np.bincount(at, weights=amount)[at], np.float64)
