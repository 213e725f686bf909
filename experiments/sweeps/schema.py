"""A sweep: a base experiment, and axes along which it is changed. The schema of a file in configs/sweeps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator, model_validator

__all__ = ["METRICS", "SEEDS", "Axis", "Compare", "Sweep"]

AGENT, SEEDS = "agent", "seeds"
"""Keys with a meaning of their own: one agent beside no_offer, and seeds, which comparisons are made over."""

Metric = Literal["gain", "value", "net_revenue", "net_revenue_gain", "nrpau", "weeks_violated"]
METRICS: dict[str, int] = dict.fromkeys(("gain", "value", "net_revenue", "net_revenue_gain", "nrpau"), 1) | {
    "weeks_violated": -1
}
"""{figure of a run's summary: 1 where more is better, -1 where less is}; usd per user-week, or weeks."""

_SLUG = r"^[a-z0-9][a-z0-9_.-]*$"
_Slug = Annotated[str, Field(pattern=_SLUG, max_length=40)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class Axis(_Strict):
    """One way in which cells differ: `key` with its `values`, or named `points` that change several keys at once.

    key: a field of the experiment as in an override; `agent`: one agent beside no_offer; `seeds`: a seed, a list or
    first..last for each value. name: what cells are called by, the last part of the key if left out.
    """

    name: str = Field(default="", pattern=rf"{_SLUG}|^$", max_length=40)
    key: str = ""
    values: tuple[JsonValue, ...] = ()
    points: dict[_Slug, dict[str, JsonValue]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_way_to_say_it(self) -> Self:
        if bool(self.points) == bool(self.key or self.values):
            raise ValueError("an axis has `key` and `values`, or `points` with a `name`; give one of the two")
        if self.points and not self.name:
            raise ValueError("an axis of points needs a `name`, which its cells are called by")
        if not self.points and not (self.key and self.values):
            raise ValueError("an axis needs both `key` and `values`; give at least one value")
        return self

    @property
    def label(self) -> str:
        """The name, or the last part of the key."""
        return self.name or self.key.rpartition(".")[2]

    @property
    def keys(self) -> tuple[str, ...]:
        """Every path that the axis sets."""
        return (self.key,) if self.key else tuple(dict.fromkeys(k for point in self.points.values() for k in point))


class Compare(_Strict):
    """What is compared over seeds. against: `agent` or `cell/agent`; the first agent of the first cell if left out."""

    metric: Metric = "gain"
    against: str = ""
    level: float = Field(default=0.05, gt=0, lt=0.5)


class Sweep(_Strict):
    """A grid of studies. base: an experiment's name, or its file beside this one. overrides: for every cell.

    Cells are in the order of the axes as they stand here, the last one moving fastest.
    """

    name: str = Field(pattern=_SLUG, max_length=40)
    question: str = Field(min_length=1)
    base: str = Field(min_length=1)
    overrides: dict[str, JsonValue] = Field(default_factory=dict)
    axes: tuple[Axis, ...]
    compare: Compare = Compare()

    @field_validator("axes")
    @classmethod
    def _each_axis_its_own(cls, axes: tuple[Axis, ...]) -> tuple[Axis, ...]:
        if not axes:
            raise ValueError("a sweep needs an axis; without one it is a study, which `rage run` runs")
        _once("axes are called", [axis.label for axis in axes])
        keys = [key for axis in axes for key in axis.keys]
        _once("axes set", keys)
        if "agents" in keys and AGENT in keys:
            raise ValueError("`agent` and `agents` set the same list; use one of them")
        return axes


def _once(what: str, names: Iterable[str]) -> None:
    held = list(names)
    twice = sorted({name for name in held if held.count(name) > 1})
    if twice:
        raise ValueError(f"two {what} {', '.join(twice)}; let each have its own")
