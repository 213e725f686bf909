"""How a life stands after a week: counters, trailing windows and slow memories move on by one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rage_env.mechanisms import response
from rage_env.pick import pick
from rage_env.population import SignalParams
from rage_env.randomness import Draw
from rage_env.state import Lives
from rage_env.week import Week

__all__ = ["next_lives"]

Bits = NDArray[np.uint8]
Floats = NDArray[np.float32]
_LAST_FOUR = np.uint8(0b1111)
_LONGEST_RECENCY = np.float32(26)


def next_lives(
    week: Week, now: Mapping[str, NDArray[Any]], memory: response.Params | None, signals: SignalParams
) -> Lives:
    """Lives at the start of next week, given all columns of this one. Old lives are left untouched."""
    old, active, contacts = week.lives, now["active"], now["contacts"]
    gmv = np.empty_like(old.gmv)
    gmv[0], gmv[1:] = now["gmv"], old.gmv[:-1]
    active_bits, contact_bits, recency, intensity, last_response = _seen(week, active, contacts, signals)
    return Lives(
        alive=old.alive & (now["churned"] == 0),
        age=old.age + 1,
        shock=now["next_shock"],
        active_bits=active_bits,
        contact_bits=contact_bits,
        gmv=gmv,
        recency=recency,
        intensity_seen=intensity,
        load=old.load if memory is None else response.next_load(old.load, contacts, memory),
        last_response=last_response,
        fraud_reported=old.fraud_reported,
    )


def _seen(
    week: Week, active: Floats, contacts: Floats, signals: SignalParams
) -> tuple[Bits, Bits, Floats, Floats, Floats]:
    """(n,) each, after the week: bits of activity and of contacts, recency, intensity and last response."""
    old, intensity = week.lives, _intensity(week, signals)
    if week.compiled:
        from rage_env import kernels

        return kernels.moved_on(
            active, contacts, intensity, _LONGEST_RECENCY, old.active_bits, old.contact_bits, old.recency,
            old.intensity_seen, old.last_response,
        )  # fmt: skip
    was_active, contacted = active > 0, contacts > 0
    return (
        _shifted(old.active_bits, was_active),
        _shifted(old.contact_bits, contacted),
        np.clip(old.recency + 1, np.float32(0), _LONGEST_RECENCY) * ~was_active,
        pick(was_active, intensity, old.intensity_seen),
        pick(contacted, 2 * active - 1, old.last_response),
    )


def _shifted(bits: Bits, newest: NDArray[np.bool_]) -> Bits:
    return np.bitwise_or(np.left_shift(bits, np.uint8(1)), newest.view(np.uint8)) & _LAST_FOUR


def _intensity(week: Week, signals: SignalParams) -> NDArray[np.float32]:
    """(n,) actions per session: the user's level with weekly noise (uniform, of the stated log-sd)."""
    noise = (week.noise.uniform(Draw.INTENSITY) - np.float32(0.5)) * np.float32(12**0.5 * signals.intensity_noise_sd)
    return np.exp(np.float32(signals.intensity_log_sd) * week.traits.intensity + noise)
