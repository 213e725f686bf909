"""Drift and season: any number of a scenario's mechanisms, arms or people moves with the calendar.

`value = base * (1 + size) ** s(week)` (how: factor), `base + size * s(week)` (how: shift), or a way towards `to`. The
shape s is 0 before `from_week`; then a step (abrupt), a slope (linear), a wave (seasonal) or a random walk, whose luck
belongs to the seed and the week and is the same for every user.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from rage_env.randomness import Draw, Noise, person_keys

__all__ = ["ROOTS", "Drift", "moved_to", "number_at", "numeric_paths", "patched"]

ROOTS = ("mechanisms", "arms", "population")
"""Parts of a scenario that may drift; what stands under `population` acts on newcomers."""

Tree = Any  # a JSON tree
_CALENDAR = 1 << 40  # imaginary persons whose luck is the calendar's


class Drift(BaseModel):
    """One moving number.

    target: dotted path, arms by name or place. kind linear reaches its full size after `over_weeks`; seasonal has
    period `period_weeks` and its peak a quarter of a period after from_week; random_walk has weekly sd `size` (of the
    log, where how is factor) and is held within `furthest` such steps of where it began. to: the value, or list of
    values, that is reached instead of a size.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)
    target: str
    kind: Literal["none", "linear", "abrupt", "seasonal", "random_walk"]
    size: float = 0.0
    to: float | tuple[float, ...] | None = None
    how: Literal["factor", "shift"] = "factor"
    from_week: int = Field(default=0, ge=-520)
    over_weeks: int = Field(default=1, ge=1)
    period_weeks: float = Field(default=52.0, gt=1)
    furthest: float = Field(default=8.0, gt=0)

    @model_validator(mode="after")
    def _size_fits_its_kind(self) -> Self:
        if self.to is not None and self.kind not in ("linear", "abrupt"):
            raise ValueError(f"to: goes with linear or abrupt, not with {self.kind}; give a size")
        if self.to is not None and self.size != 0:
            raise ValueError("to: stands instead of a size; give one of them")
        if self.how == "factor" and self.size <= -1:
            raise ValueError(f"size: a factor of 1 + size must be above 0, got size {self.size:g}")
        if self.kind == "random_walk" and self.size < 0:
            raise ValueError(f"size: the sd of a random walk is >= 0, got {self.size:g}")
        return self

    def shape(self, week: int, key: int = 0, place: int = 0) -> float:
        """s(week): 0 before from_week. key: of seed and episode; place: of this drift among the scenario's."""
        since = week - self.from_week
        if since < 0 or self.kind == "none":
            return 0.0
        if self.kind == "abrupt":
            return 1.0
        if self.kind == "linear":
            return min(since / self.over_weeks, 1.0)
        if self.kind == "seasonal":
            return math.sin(2 * math.pi * since / self.period_weeks)
        person = person_keys(key, np.array([_CALENDAR + place]))
        weeks = range(self.from_week + 1, week + 1)
        walked = sum(float(Noise(key, person, w + 520).normals(Draw.DRIFT)[0][0]) for w in weeks)
        return float(min(max(walked, -self.furthest), self.furthest))

    def reaches(self, weeks: Sequence[int]) -> tuple[float, ...]:
        """The lowest and highest s that these weeks can bring."""
        if self.kind == "random_walk":
            return -self.furthest, self.furthest
        shapes = [self.shape(week) for week in weeks]
        return min(shapes), max(shapes)

    def moved(self, base: Tree, s: float) -> Tree:
        """The number (or list of numbers) at shape s."""
        if isinstance(base, Sequence):
            to = self.to if isinstance(self.to, tuple) else (self.to,) * len(base)
            return [self._one(b, t, s) for b, t in zip(base, to, strict=True)]
        return self._one(base, self.to, s)

    def _one(self, base: float, to: Any, s: float) -> float:  # Any: a number or None
        if to is not None:
            return float(base + (to - base) * s)
        if self.how == "shift":
            return float(base + self.size * s)
        return float(base * (math.exp(self.size * s) if self.kind == "random_walk" else (1 + self.size) ** s))


def numeric_paths(tree: Tree) -> list[str]:
    """Dotted paths of every number, and list of numbers, under a scenario's drifting parts; arms by name."""
    return [path for root in ROOTS for path in _paths(tree.get(root), root)]


def patched(tree: Tree, drifts: Sequence[Drift], week: int, key: int) -> Tree:
    """A copy of the scenario tree with every drift at this week; only what moves is copied."""
    return moved_to(tree, drifts, [drift.shape(week, key, place) for place, drift in enumerate(drifts)])


def moved_to(tree: Tree, drifts: Sequence[Drift], shapes: Sequence[float]) -> Tree:
    """The same with each drift at a given s. Raises ValueError, OverflowError where a drift cannot get there."""
    for drift, s in zip(drifts, shapes, strict=True):
        if s != 0:
            tree = _put(tree, drift.target.split("."), partial(drift.moved, s=s))
    return tree


def number_at(tree: Tree, target: str) -> Tree:
    """What stands at this path: a number, or a list of numbers."""
    held: list[Tree] = []
    _put(tree, target.split("."), held.append)
    return held[0]


def _paths(node: Tree, path: str) -> Iterator[str]:
    if isinstance(node, Mapping):
        for name, child in node.items():
            yield from _paths(child, f"{path}.{name}")
    elif isinstance(node, list | tuple) and node and all(_is_number(x) for x in node):
        yield path
        yield from (f"{path}.{i}" for i in range(len(node)))
    elif isinstance(node, list | tuple):
        for i, child in enumerate(node):
            name = child.get("name", str(i)) if isinstance(child, Mapping) else str(i)
            yield from _paths(child, f"{path}.{name}")
    elif _is_number(node):
        yield path


def _is_number(node: Tree) -> bool:
    return isinstance(node, int | float) and not isinstance(node, bool)


def _put(node: Tree, path: Sequence[str], change: Any) -> Tree:  # Any: base -> moved
    if not path:
        return change(node)
    name, rest = path[0], path[1:]
    if isinstance(node, Mapping):
        return {**node, name: _put(node[name], rest, change)}
    at = next((i for i, c in enumerate(node) if isinstance(c, Mapping) and c.get("name") == name), None)
    at = int(name) if at is None else at
    return [*node[:at], _put(node[at], rest, change), *node[at + 1 :]]
