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

_LAST_FOUR = np.uint8(0b1111)
_LONGEST_RECENCY = np.float32(26)


def next_lives(
    week: Week, now: Mapping[str, NDArray[Any]], memory: response.Params | None, signals: SignalParams
) -> Lives:
    """Lives at the start of next week, given all columns of this one. Old lives are left untouched."""
    old, active, contacts = week.lives, now["active"], now["contacts"]
    was_active, contacted = active > 0, contacts > 0
    gmv = np.empty_like(old.gmv)
    gmv[0], gmv[1:] = now["gmv"], old.gmv[:-1]
    return Lives(
        alive=old.alive & (now["churned"] == 0),
        age=old.age + 1,
        shock=now["next_shock"],
        active_bits=_shifted(old.active_bits, was_active),
        contact_bits=_shifted(old.contact_bits, contacted),
        gmv=gmv,
        recency=np.clip(old.recency + 1, np.float32(0), _LONGEST_RECENCY) * ~was_active,
        intensity_seen=pick(was_active, _intensity(week, signals), old.intensity_seen),
        load=old.load if memory is None else response.next_load(old.load, contacts, memory),
        last_response=pick(contacted, 2 * active - 1, old.last_response),
        fraud_reported=old.fraud_reported,
    )


def _shifted(bits: NDArray[np.uint8], newest: NDArray[np.bool_]) -> NDArray[np.uint8]:
    return np.bitwise_or(np.left_shift(bits, np.uint8(1)), newest.view(np.uint8)) & _LAST_FOUR


def _intensity(week: Week, signals: SignalParams) -> NDArray[np.float32]:
    """(n,) actions per session: the user's level with weekly noise (uniform, of the stated log-sd)."""
    noise = (week.noise.uniform(Draw.INTENSITY) - np.float32(0.5)) * np.float32(12**0.5 * signals.intensity_noise_sd)
    return np.exp(np.float32(signals.intensity_log_sd) * week.traits.intensity + noise)
