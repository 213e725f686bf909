"""What is said of a foreign experiment before its data are read: roles of columns, plan, caps, limits."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from rage_env import yamlfile
from rage_env.errors import ConfigError
from rage_env.yamltree import parse

__all__ = ["Declaration", "declared"]

Above0 = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(gt=0, lt=1)]
Moment = int | str  # a week, or a date

OPTIONS = "options"
_ROLES = ("unit", "time", "group", "metric", "denominator", "covariate")


class Declaration(BaseModel):
    """A mapping: which column plays which role, and what was settled before the first look.

    metric_is: `value` any number, `loss` at least 0, `count` whole and at least 0, `event` 0 or 1. rows: `weekly`, each
    unit has one row every week; `once`, one row in all. absent: what a unit without a row in a week is, `refuse` or
    `zero`. newcomers: units first seen after the first week, `refuse` or `leave_out`. repeats: several rows of a unit
    in a week, `refuse` or `add`. cap_week, covariate_week: the last moment each draws on.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    name: str = "data"
    source: str = ""
    unit: str
    time: str
    group: str
    metric: str
    metric_is: Literal["value", "loss", "count", "event"] = "value"
    denominator: str | None = None
    covariate: str | None = None
    control: str | int = "control"
    shares: dict[str, Above0] | None = None
    rows: Literal["weekly", "once"] = "weekly"
    absent: Literal["refuse", "zero"] = "refuse"
    newcomers: Literal["refuse", "leave_out"] = "refuse"
    repeats: Literal["refuse", "add"] = "refuse"
    monitors: tuple[str, ...] = ()
    params: dict[str, dict[str, bool | int | float | str | tuple[float, ...]]] = {}
    alpha: Share = 0.05
    sample_ratio_alpha: Share = 0.01
    weeks: int | None = Field(default=None, ge=1)
    looks: Annotated[int, Field(ge=1)] | tuple[int, ...] | None = None
    looked: tuple[int, ...] = ()
    spending: str = "obf"
    sides: Literal[1, 2] = 2
    cap: Above0 | None = None
    cap_week: Moment | None = None
    covariate_week: Moment | None = None
    limit: Above0 | None = None
    denominator_cap: Above0 | None = None
    max_loss: Above0 | None = None
    least: float = 0.0
    most: float | None = None
    prior_sd: Above0 | None = None
    margin: Above0 = 1.0

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        held = [getattr(self, role) for role in _ROLES if getattr(self, role) is not None]
        twice = sorted({c for c in held if held.count(c) > 1})
        if twice:
            raise ValueError(f"column {', '.join(twice)} plays two roles; each role has a column of its own")
        if self.metric_is == "event" and self.denominator is not None:
            raise ValueError("metric_is: an event has no denominator; leave one of them out")
        if isinstance(self.looks, tuple) and self.weeks is None:
            raise ValueError("looks: weeks at which to look belong to a plan; say its length with weeks")
        if self.shares is not None and str(self.control) not in self.shares:
            raise ValueError(f"shares: control {str(self.control)!r} has none; there are {', '.join(self.shares)}")
        return self

    @property
    def columns(self) -> dict[str, str]:
        """{role: column} of the columns that are read."""
        return {role: column for role in _ROLES if (column := getattr(self, role)) is not None}

    def planned(self, weeks: int) -> tuple[int, ...]:
        """Weeks elapsed at each look of a plan of so many weeks. Raises ConfigError."""
        if self.looks is None:
            return tuple(range(1, weeks + 1))
        if isinstance(self.looks, tuple):
            return self.looks
        if self.looks > weeks:
            raise ConfigError(f"looks: {self.looks} looks do not fit into {weeks} weeks; give fewer, or more weeks")
        return tuple(round(weeks * (i + 1) / self.looks) for i in range(self.looks))


def declared(mapping: str | Path | None, options: Mapping[str, object]) -> Declaration:
    """The mapping file with options laid over it; options alone where there is none. Raises ConfigError."""
    given = {name: value for name, value in options.items() if value is not None}
    if mapping is None:
        missing = [r for r in _ROLES[:4] if r not in given]
        if missing:
            told = ", ".join(f"--{r}" for r in missing)
            raise ConfigError(f"say which column is which: {told} missing; or give a YAML file with --mapping")
        return yamlfile.changed(Declaration, parse("{}", OPTIONS), given)
    return yamlfile.load(Declaration, mapping, [given])
