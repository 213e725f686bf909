"""Notifications that users have switched off, kind by kind: a setting that the product sees, and that says who minds.

Of the seats that have switched off some kinds, a fixed share has switched off one more, so most have muted none and few
have muted many. A seat keeps its settings whoever holds it. Archetypes may be drawn from it by the driver `muted`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rage_env.features import Feature
from rage_env.randomness import Draw, Noise, person_keys
from rage_env.week import Columns, MechanismParams, Newcomers, Week

__all__ = ["DRIVERS", "GIVES", "PARENTS", "Params", "draw", "drivers", "features", "mean", "newcomers"]

PARENTS: tuple[str, ...] = ()
GIVES: tuple[str, ...] = ()
DRIVERS = ("muted",)


class Params(MechanismParams):
    """kinds: of notifications that can be switched off. one_more: share of seats with j kinds off that mute j + 1."""

    kinds: int = Field(ge=1, le=32)
    one_more: float = Field(gt=0, lt=1)


def drivers(
    key: int, slot: NDArray[np.int64], own: Mapping[str, NDArray[np.floating]], params: Params
) -> dict[str, NDArray[np.float64]]:
    """muted: (n,) kinds switched off, a geometric count cut at `kinds`."""
    luck = Noise(key, person_keys(key, slot), 0).uniform64(Draw.MUTED)
    return {"muted": np.minimum(np.floor(np.log(luck) / math.log(params.one_more)), params.kinds)}


def newcomers(people: Newcomers, params: Params) -> Columns:
    """muted: what archetypes were drawn from."""
    return {"muted": drivers(people.luck.key, people.slot, {}, params)["muted"].astype(np.float32)}


def draw(week: Week, params: Params) -> Columns:
    """Nothing: settings do not change."""
    return {}


def mean(week: Week, params: Params) -> Columns:
    """Nothing."""
    return {}


def features(params: Params) -> tuple[Feature, ...]:
    """Kinds switched off."""
    return (Feature("muted_kinds", 0.0, float(params.kinds), lambda t, s: t.more["muted"]),)
