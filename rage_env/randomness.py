"""Counter-based uniforms: a pure function of (seed, episode, person, week, draw), never of the order of asking.

Built on the finaliser of SplitMix64 (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number
generators"). A person's key is made once and kept (8 bytes); a call mixes it with the key of (week, draw).
Two 23-bit uniforms come out of one hash, both exact in float32 and never 0 or 1; where a probability may lie
below 1e-4 one 52-bit uniform is used instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import lru_cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["POPULATION_WEEK", "Draw", "Noise", "arms_one_by_one", "keys_of_hashes", "person_keys", "seed_key"]

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_TAG_SEED = 0xD1B54A32D192ED03
_TAG_COUNTER = 0x8CB92BA72F3D8DD7
_TAG_EPISODE = 0xA0761D6478BD642F
_MIX_1 = 0xBF58476D1CE4E5B9
_MIX_2 = 0x94D049BB133111EB

POPULATION_WEEK = 1 << 32
"""The week number under which a person's lasting traits are drawn."""


class Draw(IntEnum):
    """Every use of luck, by name. Numbers are never changed or used again; new ones go to the end."""

    ARM = 1
    ARM_ORDER = 2
    ACTIVITY = 10
    SHOCKS = 11
    TRANSACTIONS = 12
    REDEMPTION = 13
    FRAUD = 14
    FRAUD_AMOUNT = 15
    CHARGEBACKS = 16
    ABUSE = 17
    CREDIT_CHARGEBACK = 18
    CHURN = 19
    INTENSITY = 20
    DELAY = 21
    AGE = 40
    CHURN_RATE = 41
    ACTIVITY_AND_SPEND = 42
    STARTING_SHOCK = 43
    ARCHETYPE = 44
    FRAUD_TYPE = 45
    PLACE = 46
    KYC = 47
    DEVICE = 48
    CREDIT = 49
    CHURN_SIGNAL = 50
    DRIVER_1 = 51
    DRIVER_2 = 52
    SEATS = 70
    HEALTH = 71
    ROLE = 72
    CONTROL = 73
    REACTION = 74
    RISK_LEVEL = 80
    RISK_STEP = 81
    SHOP_TASTE = 82
    SHOP_READINGS = 83
    SHOP_ORDERS = 84
    SHOP_SUPPORT = 85
    SHOP_VISITS = 86
    STRESS_PERSON = 90
    STRESS_GROUP = 91
    STRESS_SHOCK = 92
    STRESS_JUMP = 93
    BANK_LEVELS = 94
    BANK_DAYS = 95
    BANK_NOISE = 96
    SALARY = 97
    CASH = 98
    CASH_SIZE = 99
    LENDING = 100
    UTILITY = 101
    FAILED_DEBITS = 102
    LOAN = 103
    DUE_WEEK = 104
    PAYMENT = 105
    DEFAULT = 106
    REACH = 110
    ARRIVAL = 111
    DRIFT = 112
    RECOVERY = 113
    LABELS = 114
    MUTED = 115
    STATUS_QUO = 60
    HOLDOUT = 61
    GROUP = 62
    FOLD = 63


def _mix_int(x: int) -> int:
    x = (x ^ (x >> 30)) * _MIX_1 & _MASK
    x = (x ^ (x >> 27)) * _MIX_2 & _MASK
    return x ^ (x >> 31)


def _mix_into(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's finaliser in place."""
    scratch = np.right_shift(x, np.uint64(30))
    np.bitwise_xor(x, scratch, out=x)
    np.multiply(x, np.uint64(_MIX_1), out=x)
    np.right_shift(x, np.uint64(27), out=scratch)
    np.bitwise_xor(x, scratch, out=x)
    np.multiply(x, np.uint64(_MIX_2), out=x)
    np.right_shift(x, np.uint64(31), out=scratch)
    np.bitwise_xor(x, scratch, out=x)
    return x


def _uniform(bits: NDArray[np.uint64]) -> NDArray[np.float32]:
    """(n,) uniforms from the lowest 23 bits: written as the mantissa of a number from 1 to 2, then less 1 - 2**-24."""
    low = bits.astype(np.uint32)
    np.bitwise_and(low, np.uint32(0x7FFFFF), out=low)
    return _from_one_to_two(low)


def _from_one_to_two(mantissa: NDArray[np.uint32]) -> NDArray[np.float32]:
    """(n,) uniforms of whole numbers below 2**23, which are written over."""
    u = np.bitwise_or(mantissa, np.uint32(0x3F800000), out=mantissa).view(np.float32)
    return np.subtract(u, np.float32(1 - 2.0**-24), out=u)


def seed_key(seed: int, episode: int = 0) -> int:
    """The key of a seed and an episode, 64 bits. Seeds are whole numbers from 0 to 2**64 - 1."""
    key = _mix_int((_mix_int((seed + _GOLDEN) & _MASK) + _TAG_SEED) & _MASK)
    return key if episode == 0 else _mix_int((key ^ _TAG_EPISODE) + _GOLDEN * episode & _MASK)


def person_keys(key: int, person: NDArray[np.int64]) -> NDArray[np.uint64]:
    """(n,) keys of persons under a seed's key; person: (n,) whole numbers >= 0."""
    counter = (person.astype(np.uint64) + np.uint64(1)) * np.uint64(_GOLDEN)
    return _mix_into(counter + np.uint64(key))


@lru_cache(maxsize=1024)
def _counter_key(key: int, week: int, draw: int) -> int:
    return _mix_int(_mix_int(key ^ _TAG_COUNTER) + _GOLDEN * (((week << 16) | draw) + 1) & _MASK)


@dataclass(frozen=True, eq=False)
class Noise:
    """The luck of some people in one week; every method is a pure function of its draw."""

    key: int
    keys: NDArray[np.uint64]  # (n,), from person_keys
    week: int
    compiled: ClassVar[bool] = False  # whether kernels take the place of NumPy

    def take(self, rows: NDArray[np.intp]) -> Noise:
        """The luck of these rows alone."""
        return replace(self, keys=self.keys[rows])

    def counter_key(self, draw: int) -> int:
        """The key of this week and draw, mixed into every person's own."""
        return _counter_key(self.key, self.week, int(draw))

    def counter(self, draw: int) -> np.uint64:
        """The key of this week and draw as kernels take it."""
        return np.uint64(self.counter_key(draw))

    def _hash(self, draw: int) -> NDArray[np.uint64]:
        return _mix_into(np.bitwise_xor(self.keys, self.counter(draw)))

    def pair(self, draw: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Two (n,) float32 uniforms, independent, on the odd multiples of 2**-24."""
        h = self._hash(draw)
        first = _from_one_to_two(np.right_shift(h, np.uint64(41)).astype(np.uint32))
        return first, _uniform(np.right_shift(h, np.uint64(18), out=h))

    def uniform(self, draw: int) -> NDArray[np.float32]:
        """The first of the pair alone."""
        h = self._hash(draw)
        return _from_one_to_two(np.right_shift(h, np.uint64(41), out=h).astype(np.uint32))

    def uniform64(self, draw: int) -> NDArray[np.float64]:
        """(n,) float64 uniforms of 52 bits, for small probabilities and far tails."""
        h = self._hash(draw)
        np.right_shift(h, np.uint64(12), out=h)
        u = np.bitwise_or(h, np.uint64(0x3FF0000000000000), out=h).view(np.float64)  # from 1 to 2
        return np.subtract(u, 1 - 2.0**-53, out=u)

    def below(self, draw: int, chance: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n,) 1 where the uniform lies below the chance of that user, else 0."""
        return (self.uniform(draw) < chance).astype(np.float32)

    def below64(self, draw: int, chance: NDArray[np.floating]) -> NDArray[np.float32]:
        """The same of a uniform of 52 bits, for chances that may be small."""
        return (self.uniform64(draw) < chance).astype(np.float32)

    def normals(self, draw: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Two (n,) independent standard normals (Box and Muller 1958); at most 5.77 in size."""
        radius, angle = self.pair(draw)
        np.log(radius, out=radius)
        np.multiply(radius, np.float32(-2.0), out=radius)
        np.sqrt(radius, out=radius)
        np.multiply(angle, np.float32(2.0 * np.pi), out=angle)
        first = np.cos(angle)
        np.sin(angle, out=angle)
        return np.multiply(first, radius, out=first), np.multiply(angle, radius, out=angle)


def arms_one_by_one(probs: NDArray[np.floating], uniform: NDArray[np.float64]) -> NDArray[np.int64]:
    """(n,) arms by inverting each row's distribution at its uniform; an arm of probability 0 is never drawn."""
    edges = np.cumsum(probs, axis=1, dtype=np.float64)
    at = uniform * edges[:, -1]
    return np.asarray((edges <= at[:, None]).sum(axis=1), dtype=np.int64)


def keys_of_hashes(hashes: Sequence[int], luck: Noise, draw: int) -> NDArray[np.uint64]:
    """Keys of imagined persons whose hash in this week and draw is the given one: how the rarest luck is tested."""
    return np.array([_unmix_int(h) ^ luck.counter_key(draw) for h in hashes], np.uint64)


def _unmix_int(x: int) -> int:
    x ^= (x >> 31) ^ (x >> 62)
    x = x * pow(_MIX_2, -1, 1 << 64) & _MASK
    x ^= (x >> 27) ^ (x >> 54)
    x = x * pow(_MIX_1, -1, 1 << 64) & _MASK
    return x ^ (x >> 30) ^ (x >> 60)
