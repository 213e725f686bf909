"""How strongly an offer is felt: response saturates with recent contacts, and fatigue builds up slowly.

Every effect of an arm is divided by 1 + a * contacts in the last four weeks (on log-spend by the root of that).
Load is a slow memory of contacts; it lowers activity and raises the hazard of leaving even when left alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rage_env.state import Archetype
from rage_env.week import Columns, MechanismParams, Week

__all__ = ["AFTER", "GIVES", "PARENTS", "Params", "draw", "mean"]

PARENTS: tuple[str, ...] = ()
AFTER = ("felt",)  # and so does everything that answers to an arm, all of it after this
GIVES = ("response", "response_root", "fatigue")

_COUNT = np.array([bin(b).count("1") for b in range(16)], dtype=np.float32)


class Params(MechanismParams):
    """saturation: per contact in the last four weeks; fatigue: logit and log-hazard per unit of load."""

    saturation: float = Field(ge=0)
    fatigue: float = Field(ge=0)
    fatigue_sleeping_dog: float = Field(ge=0)
    memory: float = Field(ge=0, lt=1)


def draw(week: Week, params: Params) -> Columns:
    """Multipliers of the arm's effects and the fatigue term; no luck is involved."""
    by_bits = np.float32(1) / (np.float32(1) + np.float32(params.saturation) * _COUNT)
    per_load = np.full(len(Archetype), params.fatigue, np.float32)
    per_load[Archetype.SLEEPING_DOG] = params.fatigue_sleeping_dog
    if week.compiled:
        from rage_env import kernels

        lives = week.lives
        found = kernels.responses(
            lives.contact_bits, week.traits.archetype, lives.load, by_bits, np.sqrt(by_bits), per_load
        )
        return dict(zip(GIVES, found, strict=True))
    bits = week.lives.contact_bits.astype(np.intp)  # takes by bytes are three times slower
    return {
        "response": by_bits.take(bits),
        "response_root": np.sqrt(by_bits).take(bits),
        "fatigue": per_load.take(week.kind) * week.lives.load,
    }


def mean(week: Week, params: Params) -> Columns:
    """The same: nothing here is random."""
    return draw(week, params)


def next_load(load: NDArray[np.float32], contacts: NDArray[Any], params: Params) -> NDArray[np.float32]:
    """(n,) load after a week with these contacts."""
    memory = np.float32(params.memory)
    out: NDArray[np.float32] = memory * load + np.float32(1 - params.memory) * contacts.astype(np.float32)
    return out
