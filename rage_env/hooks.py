"""What a mechanism may hold beside its draw and mean: columns of its own, features, masks, units, cohort sums.

A module states only what it needs:

- AFTER: names of columns it reads if some mechanism gives them, and does without otherwise.
- LATENT: names of its own columns in `more` that nobody but the simulator may know.
- REVISES: columns given by another mechanism that it changes; whoever reads them comes after it.
- totals(week, params) -> {name: sum over these users}: added up over the cohort, read next week in `Week.when.sums`.
- arrival_mix(mix, sums, params) -> fraud mix of people who join in a week, given last week's cohort sums.
- newcomers(people, params) -> columns: traits of people being drawn (`Traits.more`, or fields of `Traits`).
- joining(traits, lives, params) -> columns: how the lives of new people start (`Lives.more`, or fields of `Lives`).
- advance(week, params) -> columns: the same after a week; `week.now` holds all its columns.
- features(params) -> Features that are observed.
- mask(traits, lives, arms, params) -> (n, k) int8: the arms that may be chosen for each user.
- segments(traits, lives, params) -> {name: (n,) codes}: shown to agents, for guardrails by segment.
- unit(traits, params) -> (n,) int64: rows of one unit share a decision.
- GRAIN: slots that belong together: chunks and shards hold whole multiples of it. One where none says otherwise.
- drivers(key, slot, own, params) -> columns: what archetypes are drawn from, beside the people's own, or instead;
  DRIVERS: their names.
- problems(arms, params) -> texts: what is wrong between these parameters and the scenario's arms.
- branches(week, params) -> [(probability (n,), columns)]: a discrete draw on which later means depend in a way that is
  not linear; means are taken in each branch and mixed. Such a mechanism's own `mean` is not asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rage_env import mechanisms
from rage_env.arms import Arm, ArmTable
from rage_env.features import Feature
from rage_env.state import Lives, Traits
from rage_env.week import Newcomers, Week

__all__ = [
    "advance", "arrival_mix", "drivers", "features", "grain", "joining", "latent", "mask", "newcomers", "problems",
    "segments", "totals", "unit",
]  # fmt: skip

Used = Mapping[str, Any]  # {mechanism: its parameters}
More = dict[str, NDArray[Any]]


def _held(used: Used, hook: str) -> Iterator[tuple[Any, Any]]:  # Any: what the hook is, and its parameters
    for name, params in used.items():
        found = getattr(mechanisms.module(name), hook, None)
        if found is not None:
            yield found, params


def newcomers(used: Used, people: Newcomers) -> Traits:
    """Traits of these people with what mechanisms add; each sees what those before it added."""
    for hook, params in _held(used, "newcomers"):
        added = people.traits.with_columns(hook(people, params))
        people = replace(people, traits=added)
    return people.traits


def joining(used: Used, traits: Traits, lives: Lives) -> Lives:
    """Lives of new people with what mechanisms add."""
    for hook, params in _held(used, "joining"):
        lives = lives.with_columns(hook(traits, lives, params))
    return lives


def advance(used: Used, week: Week, lives: Lives) -> Lives:
    """Lives after a week with what mechanisms moved on."""
    for hook, params in _held(used, "advance"):
        lives = lives.with_columns(hook(week, params))
    return lives


def features(used: Used) -> tuple[Feature, ...]:
    """Features that mechanisms show."""
    return tuple(f for hook, params in _held(used, "features") for f in hook(params))


def latent(used: Used) -> tuple[str, ...]:
    """Columns in `more` that must not be seen."""
    return tuple(name for names, _ in _held(used, "LATENT") for name in names)


def mask(used: Used, traits: Traits, lives: Lives, arms: ArmTable) -> NDArray[np.int8] | None:
    """(n, k) 1 where no mechanism forbids the arm; None where none forbids anything, ever. Arm 0 stays allowed."""
    allowed: NDArray[np.int8] | None = None
    for hook, params in _held(used, "mask"):
        one = hook(traits, lives, arms, params)
        allowed = one if allowed is None else allowed & one
    if allowed is not None:
        allowed[:, 0] = 1
    return allowed


def segments(used: Used, traits: Traits, lives: Lives) -> dict[str, NDArray[np.integer[Any]]]:
    """{name: (n,) codes} that mechanisms show."""
    return {
        name: codes for hook, params in _held(used, "segments") for name, codes in hook(traits, lives, params).items()
    }


def unit(used: Used, traits: Traits) -> NDArray[np.int64]:
    """(n,) what gets one decision: the user, unless a mechanism groups users."""
    for hook, params in _held(used, "unit"):
        grouped: NDArray[np.int64] = hook(traits, params)
        return grouped
    return traits.user_id


def totals(used: Used, week: Week) -> dict[str, float]:
    """{name: sum over these users} for next week, and `present`; nothing where no mechanism asks for any."""
    found = {name: x for hook, params in _held(used, "totals") for name, x in hook(week, params).items()}
    if found:
        found["present"] = float(np.count_nonzero(week.here))
    return found


def arrival_mix(used: Used, mix: tuple[float, ...], sums: Mapping[str, float]) -> tuple[float, ...]:
    """Shares of the fraud types among people who join after a week with these cohort sums."""
    for hook, params in _held(used, "arrival_mix"):
        mix = hook(mix, sums, params)
    return mix


def problems(used: Used, arms: Sequence[Arm]) -> list[str]:
    """What mechanisms find wrong between their parameters and a scenario's arms, each with its path."""
    return [
        f"mechanisms.{name}.{text}"
        for name, params in used.items()
        if (hook := getattr(mechanisms.module(name), "problems", None)) is not None
        for text in hook(arms, params)
    ]


def grain(used: Used) -> int:
    """Slots that belong together; chunks and shards hold whole multiples of it."""
    return max((size for size, _ in _held(used, "GRAIN")), default=1)


def drivers(used: Used, key: int, slot: NDArray[np.int64], own: Mapping[str, NDArray[np.floating]]) -> More:
    """{driver: (n,)} of these slots: `own` with what mechanisms put beside it, or in its place."""
    found: More = dict(own)
    for hook, params in _held(used, "drivers"):
        found.update(hook(key, slot, found, params))
    return found
