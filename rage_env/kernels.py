"""Compiled kernels for `compiled=True` (extra `fast`): one pass over people where NumPy takes several.

Each does what the NumPy lines beside its call do, to the last bit: whole numbers, look-ups, comparisons, and float32
additions and multiplications in the order written, none of them contracted. Logarithms, exponentials and waves stay
NumPy's, whose last bits are its own. Nobody but those calls imports this module, since numba takes a second to load.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rage_env.state import Archetype

__all__ = [
    "activity_logit", "below", "below64", "moved_on", "offers", "pair", "responses", "shifted", "uniform", "uniform64",
]  # fmt: skip

Function = TypeVar("Function", bound=Callable[..., Any])
Floats = NDArray[np.float32]
Keys = NDArray[np.uint64]
Codes = NDArray[Any]  # whole numbers of any width

_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)  # those of randomness.py
_12, _18, _27, _30, _31, _41 = (np.uint64(bits) for bits in (12, 18, 27, 30, 31, 41))
_LOW_23, _LAST_FOUR, _BIT = np.uint32(0x7FFFFF), np.uint8(0b1111), np.uint8(1)
_FROM_ONE, _FROM_ONE_64 = np.uint32(0x3F800000), np.uint64(0x3FF0000000000000)
_LESS, _LESS_64 = np.float32(1 - 2.0**-24), 1 - 2.0**-53
_KINDS = len(Archetype)
_ZERO, _ONE, _TWO = np.float32(0), np.float32(1), np.float32(2)


def kernel(function: Function) -> Function:
    """The function compiled at its first call, to run without the interpreter's lock.

    Code is kept beside this file or, where that may not be written, in the user's own cache folder, or not at all.
    """
    try:
        made = njit(nogil=True, error_model="numpy", cache=True)(function)
    except RuntimeError:  # no folder to keep it in
        made = njit(nogil=True, error_model="numpy")(function)
    return cast(Function, made)


@kernel
def _mixed(x: np.uint64) -> np.uint64:
    x = (x ^ (x >> _30)) * _MIX_1
    x = (x ^ (x >> _27)) * _MIX_2
    return x ^ (x >> _31)


@kernel
def _from_23(low: np.uint32) -> np.float32:
    """The odd multiple of 2**-24 that 23 bits name, written as a number from 1 to 2 and less 1 - 2**-24."""
    return np.uint32(low | _FROM_ONE).view(np.float32) - _LESS


@kernel
def _first(x: np.uint64) -> np.float32:
    """The uniform of a person's key mixed with the counter's."""
    return _from_23(np.uint32(_mixed(x) >> _41))


@kernel
def _whole(x: np.uint64) -> np.float64:
    """The same of 52 bits, an odd multiple of 2**-53."""
    return np.uint64((_mixed(x) >> _12) | _FROM_ONE_64).view(np.float64) - _LESS_64


@kernel
def uniform(keys: Keys, counter: np.uint64) -> Floats:
    """Noise.uniform."""
    out = np.empty(keys.shape[0], np.float32)
    for i in range(keys.shape[0]):
        out[i] = _first(keys[i] ^ counter)
    return out


@kernel
def uniform64(keys: Keys, counter: np.uint64) -> NDArray[np.float64]:
    """Noise.uniform64."""
    out = np.empty(keys.shape[0], np.float64)
    for i in range(keys.shape[0]):
        out[i] = _whole(keys[i] ^ counter)
    return out


@kernel
def pair(keys: Keys, counter: np.uint64) -> tuple[Floats, Floats]:
    """Noise.pair."""
    first, second = np.empty(keys.shape[0], np.float32), np.empty(keys.shape[0], np.float32)
    for i in range(keys.shape[0]):
        x = _mixed(keys[i] ^ counter)
        first[i], second[i] = _from_23(np.uint32(x >> _41)), _from_23(np.uint32(x >> _18) & _LOW_23)
    return first, second


@kernel
def below(keys: Keys, counter: np.uint64, chance: Floats) -> Floats:
    """Noise.below."""
    out = np.empty(keys.shape[0], np.float32)
    for i in range(keys.shape[0]):
        out[i] = np.float32(_first(keys[i] ^ counter) < chance[i])
    return out


@kernel
def below64(keys: Keys, counter: np.uint64, chance: Floats) -> Floats:
    """Noise.below64."""
    out = np.empty(keys.shape[0], np.float32)
    for i in range(keys.shape[0]):
        out[i] = np.float32(_whole(keys[i] ^ counter) < chance[i])
    return out


@kernel
def shifted(level: Floats, table: Floats, arm: Codes, archetype: Codes, strength: Floats) -> Floats:
    """Week.shifted."""
    out = np.empty(level.shape[0], np.float32)
    for i in range(level.shape[0]):
        out[i] = level[i] + table[np.uint64(_KINDS * arm[i] + archetype[i])] * strength[i]
    return out


@kernel
def responses(
    contact_bits: Codes, archetype: Codes, load: Floats, by_bits: Floats, root_by_bits: Floats, per_load: Floats
) -> tuple[Floats, Floats, Floats]:
    """The three columns of mechanisms.response.draw."""
    n = load.shape[0]
    response, root, fatigue = np.empty(n, np.float32), np.empty(n, np.float32), np.empty(n, np.float32)
    for i in range(n):
        response[i], root[i] = by_bits[np.uint64(contact_bits[i])], root_by_bits[np.uint64(contact_bits[i])]
        fatigue[i] = per_load[np.uint64(archetype[i])] * load[i]
    return response, root, fatigue


@kernel
def activity_logit(
    lasting: Floats, moving: Floats, weights: Floats, edge: np.float32, scale: np.float32, values: Floats,
    steps: Floats, table: Floats, arm: Codes, archetype: Codes, response: Floats, active_bits: Codes, by_bits: Floats,
    fatigue: Floats,
) -> Floats:  # fmt: skip
    """The logit in mechanisms.engagement.probability, base_logit included. weights: (2,) of lasting and moving part."""
    out = np.empty(lasting.shape[0], np.float32)
    for i in range(lasting.shape[0]):
        z = weights[0] * lasting[i] + weights[1] * moving[i]
        x = (min(max(z, -edge), edge) + edge) * scale
        at = np.int64(x)
        x = (x - np.float32(at)) * steps[np.uint64(at)] + values[np.uint64(at)]
        x = x + table[np.uint64(_KINDS * arm[i] + archetype[i])] * response[i]
        out[i] = x + by_bits[np.uint64(active_bits[i])] - fatigue[i]
    return out


@kernel
def offers(
    keys: Keys, counter: np.uint64, arm: Codes, felt: Codes, alive: NDArray[np.bool_], fraud_type: Codes,
    active: Floats, gmv: Floats, contact: Floats, price: Floats, redemption: Floats, times: Floats, bonus: Floats,
    cashback: Floats, cap: Floats, margin: Floats,
) -> tuple[Floats, Floats, Floats, Floats, Floats]:  # fmt: skip
    """The five columns of mechanisms.offers.draw. contact and all after it: (k,) by arm, times: (4,) by fraud type.

    Nobody is left out: who is not active spends nothing, and an arm that pays nothing multiplies by 0.
    """
    n = keys.shape[0]
    contacts, contact_cost, redeemed = np.empty(n, np.float32), np.empty(n, np.float32), np.empty(n, np.float32)
    bonus_cost, revenue = np.empty(n, np.float32), np.empty(n, np.float32)
    for i in range(n):
        contacts[i] = contact[np.uint64(arm[i])] * np.float32(alive[i])
        contact_cost[i] = contacts[i] * price[np.uint64(arm[i])]
    for i in range(n):
        offer = np.uint64(felt[i])
        chance = redemption[offer] * times[np.uint64(fraud_type[i])]
        took = np.float32(_first(keys[i] ^ counter) < chance) * active[i]
        redeemed[i], revenue[i] = took, gmv[i] * margin[offer]
        bonus_cost[i] = took * bonus[offer] + min(cashback[offer] * gmv[i], cap[offer])
    return contacts, contact_cost, redeemed, bonus_cost, revenue


@kernel
def moved_on(
    active: Floats, contacts: Floats, intensity: Floats, longest: np.float32, active_bits: Codes, contact_bits: Codes,
    recency: Floats, intensity_seen: Floats, last_response: Floats,
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], Floats, Floats, Floats]:  # fmt: skip
    """Both bit windows, recency, intensity and last response after the week, in aging.next_lives."""
    n = active.shape[0]
    lived, met = np.empty(n, np.uint8), np.empty(n, np.uint8)
    since, seen, answer = np.empty(n, np.float32), np.empty(n, np.float32), np.empty(n, np.float32)
    for i in range(n):
        lived[i] = ((active_bits[i] << _BIT) | np.uint8(active[i] > _ZERO)) & _LAST_FOUR
        met[i] = ((contact_bits[i] << _BIT) | np.uint8(contacts[i] > _ZERO)) & _LAST_FOUR
    for i in range(n):  # each read before it is chosen, or the loop would jump as people do
        longer, old, new = min(recency[i] + _ONE, longest), intensity_seen[i], intensity[i]
        since[i] = _ZERO if active[i] > _ZERO else longer
        seen[i] = new if active[i] > _ZERO else old
    for i in range(n):
        old, new = last_response[i], _TWO * active[i] - _ONE
        answer[i] = new if contacts[i] > _ZERO else old
    return lived, met, since, seen, answer
