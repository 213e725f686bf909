"""The state of the world as structs of arrays: what a person is (`Traits`) and how life stands (`Lives`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["CHUNK", "Archetype", "FraudType", "Lives", "Struct", "Traits"]

CHUNK = 16_384
"""Slots that are computed and summed together. Sums run over chunks in order, whatever the number of shards."""


class Archetype(IntEnum):
    """How a user's best response to offers looks; defined by conditional mean effects, never observed."""

    PERSUADABLE = 0
    SURE_THING = 1
    LOST_CAUSE = 2
    SLEEPING_DOG = 3


class FraudType(IntEnum):
    """Whether and how a user cheats; never observed."""

    HONEST = 0
    ABUSER = 1
    FIRST_PARTY = 2
    THIRD_PARTY = 3


Rows = slice | NDArray[np.intp] | NDArray[np.bool_]
More = dict[str, NDArray[Any]]
"""Columns that a scenario's own mechanisms add, by name; last axis the user."""


@dataclass(frozen=True, eq=False)
class Struct:
    """A struct of arrays whose last axis is the user; `more` holds the columns that mechanisms added."""

    def rows(self, at: Rows) -> Self:
        """The same struct for some users; views where `at` is a slice."""
        part = object.__new__(type(self))  # a constructor would set field by field, which shows beside a chunk
        vars(part).update({name: _some(held, at) for name, held in vars(self).items()})
        return part

    def put(self, at: Rows, part: Self) -> None:
        """Write `part` over those users; it may hold views of these very columns."""
        pairs = list(_pairs(vars(self), vars(part)))
        owners = {id(_owner(held)) for held, _ in pairs}
        whole = [new if id(_owner(new)) not in owners or new.base is held else new.copy() for held, new in pairs]
        for (held, _), new in zip(pairs, whole, strict=True):  # copied first, or one might be written before it is read
            held[..., at] = new

    def copy(self) -> Self:
        """A deep copy."""
        return type(self)(*(_copied(held) for held in vars(self).values()))

    def with_columns(self, columns: Mapping[str, NDArray[Any]]) -> Self:
        """The same struct with these columns: fields of its own are replaced, other names go to `more`."""
        if not columns:
            return self
        held: dict[str, Any] = dict(vars(self))  # Any: arrays, and `more`
        other = {name: column for name, column in columns.items() if name not in held}
        mine = {name: column for name, column in columns.items() if name in held}
        return type(self)(**{**held, **mine, "more": {**held["more"], **other}})


def _some(held: NDArray[Any] | More, at: Rows) -> NDArray[Any] | More:
    if isinstance(held, dict):
        return {name: c[..., at] for name, c in held.items()}
    return held[at] if held.ndim == 1 else held[..., at]


def _copied(held: NDArray[Any] | More) -> NDArray[Any] | More:
    return {name: c.copy() for name, c in held.items()} if isinstance(held, dict) else held.copy()


def _pairs(mine: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Each column of one struct with that of the other; Any: arrays, and `more`."""
    for name, held in mine.items():
        if isinstance(held, dict):
            yield from _pairs(held, other[name])
        else:
            yield held, other[name]


def _owner(column: NDArray[Any]) -> object:
    return column if column.base is None else column.base


@dataclass(frozen=True, eq=False)
class Traits(Struct):
    """What lasts. Observed: region, channel, kyc, device, signals. Latent: all the rest."""

    user_id: NDArray[np.int64]  # (n,)
    key: NDArray[np.uint64]  # (n,) of the person's luck
    region: NDArray[np.int8]  # (n,) code
    channel: NDArray[np.int8]  # (n,) organic, paid, referral
    kyc: NDArray[np.float32]  # (n,) 1 where identity is verified to the high level
    device: NDArray[np.float32]  # (n,) device risk score
    archetype: NDArray[np.int8]  # (n,) Archetype
    fraud_type: NDArray[np.int8]  # (n,) FraudType
    activity: NDArray[np.float32]  # (n,) standard normal propensity to be active, z_i
    log_spend: NDArray[np.float32]  # (n,) log dollars of an active week, user's level
    churn_rate: NDArray[np.float32]  # (n,) weekly probability of leaving when left alone
    churn_signal: NDArray[np.float32]  # (n,) noisy view of its logit
    intensity: NDArray[np.float32]  # (n,) standard normal
    credit_risk: NDArray[np.float32]  # (n,) multiplies honest credit loss; mean 1
    credit_signal: NDArray[np.float32]  # (n,) noisy view of its log
    more: More = field(default_factory=dict)  # by the scenario's mechanisms


@dataclass(frozen=True, eq=False)
class Lives(Struct):
    """What moves from week to week."""

    alive: NDArray[np.bool_]  # (n,)
    age: NDArray[np.float32]  # (n,) weeks since joining; negative before joining
    shock: NDArray[np.float32]  # (n,) s_it, the AR(1) part of activity
    active_bits: NDArray[np.uint8]  # (n,) last four weeks, newest in bit 0
    contact_bits: NDArray[np.uint8]  # (n,) likewise
    gmv: NDArray[np.float32]  # (4, n) dollars, newest first
    recency: NDArray[np.float32]  # (n,) weeks since last active, counted up to 26
    intensity_seen: NDArray[np.float32]  # (n,) actions per session in the last active week
    load: NDArray[np.float32]  # (n,) slow memory of contacts, 0..1
    last_response: NDArray[np.float32]  # (n,) 1 active after the last contact, -1 not, 0 never contacted
    fraud_reported: NDArray[np.float32]  # (n,) fraud cases reported to date
    more: More = field(default_factory=dict)  # by the scenario's mechanisms

    @classmethod
    def at_joining(cls, age: NDArray[np.float32], shock: NDArray[np.float32]) -> Self:
        """Lives of people about whom nothing has been seen yet. age, shock: (n,)."""
        n = len(age)

        def zeros() -> NDArray[np.float32]:
            return np.zeros(n, np.float32)

        return cls(
            alive=np.ones(n, np.bool_),
            age=age.astype(np.float32),
            shock=shock.astype(np.float32),
            active_bits=np.zeros(n, np.uint8),
            contact_bits=np.zeros(n, np.uint8),
            gmv=np.zeros((4, n), np.float32),
            recency=np.full(n, 26, np.float32),
            intensity_seen=zeros(),
            load=zeros(),
            last_response=zeros(),
            fraud_reported=zeros(),
        )
