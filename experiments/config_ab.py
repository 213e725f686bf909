"""How a study in mode `ab` shares its users out: the section `ab` of an experiment, and what must fit together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from rage_env.errors import did_you_mean
from rage_env.yamltree import Json, Path

__all__ = ["CONTROL", "Ab", "Rollback", "ab_problems"]

CONTROL = "control"
"""Name of the group that is left alone, in tables and folders."""

_ROUNDING = 1e-9
Share = Annotated[float, Field(gt=0, lt=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class Rollback(_Strict):
    """A group is stopped once negative reactions exceed `limit` per user-week served, over the weeks so far.

    first: the part of the group that is looked at, by its order of roll-out. least_user_weeks: fewer say nothing.
    """

    limit: float = Field(default=0.05, gt=0, lt=1)
    first: float = Field(default=0.1, gt=0, le=1)
    least_user_weeks: int = Field(default=100, ge=1)


class Ab(_Strict):
    """One population, its units randomised to groups by a hash of `salt`, one group an agent, and a global control.

    control: its share of the units. shares: {agent: share}; agents not named share the rest equally. ramp: the share
    of each group that its agent serves, week by week, the last one for good; the others are left alone meanwhile.
    stopped_by: labels of the monitors whose alarm stops a group, every monitor if left out. deploy_truth: also run
    every agent on the whole population, to show what scale changes.
    """

    salt: str = Field(min_length=1)
    control: Share = 0.1
    shares: dict[str, Share] = Field(default_factory=dict)
    ramp: tuple[Annotated[float, Field(gt=0, le=1)], ...] = Field(default=(1.0,), min_length=1)
    rollback: Rollback | None = Rollback()
    stopped_by: tuple[str, ...] | None = None
    deploy_truth: bool = True

    @field_validator("ramp")
    @classmethod
    def _never_falls(cls, ramp: tuple[float, ...]) -> tuple[float, ...]:
        for week, (before, after) in enumerate(pairwise(ramp)):
            if after < before:
                raise ValueError(
                    f"falls from {before:g} to {after:g} in week {week + 1}; whom a roll-out has reached it keeps, so "
                    "let it rise or stay (an alarm stops a group by itself)"
                )
        return ramp

    def shares_of(self, agents: Sequence[str]) -> tuple[float, ...]:
        """Shares of the control and of each agent's group, in this order."""
        unnamed = [a for a in agents if a not in self.shares]
        rest = 1.0 - self.control - sum(self.shares.values())
        return (self.control, *(self.shares.get(a, rest / max(len(unnamed), 1)) for a in agents))

    def reached(self, week: int) -> float:
        """Share of each group that is served in this week."""
        return self.ramp[min(week, len(self.ramp) - 1)]


def ab_problems(data: Mapping[str, Json]) -> Iterator[tuple[Path, str]]:
    """(path, message) for what does not fit together in the section `ab` and beside it. data: the whole study."""
    section, mode = data.get("ab"), data.get("mode", "paired")
    if mode != "ab":
        if section is not None:
            yield ("ab",), f"belongs to mode ab, and mode is {mode!r}; write `mode: ab` or leave it out"
        return
    if not isinstance(section, dict):
        yield ("mode",), "'ab' needs to know how to randomise; add `ab: {salt: any-text-of-your-own}`"
        return
    agents, monitors = _labels(data.get("agents"), _agent), _labels(data.get("monitors"), _monitor)
    if CONTROL in agents:
        yield ("agents",), f"{CONTROL!r} is the group that is left alone; give the agent another `name`"
    yield from _unknown_names(section, agents, monitors)
    yield from _shares_that_do_not_fit(section, agents)


def _unknown_names(
    section: Mapping[str, Json], agents: Sequence[str], monitors: Sequence[str]
) -> Iterator[tuple[Path, str]]:
    shares, stopping = section.get("shares"), section.get("stopped_by")
    for agent in shares if isinstance(shares, dict) else ():
        if agent not in agents:
            yield ("ab", "shares", agent), _nobody("agent", agent, agents)
    for i, monitor in enumerate(stopping if isinstance(stopping, list) else ()):
        if isinstance(monitor, str) and monitor not in monitors:
            yield ("ab", "stopped_by", i), _nobody("monitor", monitor, monitors)


def _shares_that_do_not_fit(section: Mapping[str, Json], agents: Sequence[str]) -> Iterator[tuple[Path, str]]:
    held = section.get("shares")
    shares = held if isinstance(held, dict) else {}
    control = section.get("control", Ab.model_fields["control"].default)
    numbers = [float(x) for x in (control, *shares.values()) if isinstance(x, int | float)]
    if len(numbers) <= len(shares):
        return  # one is no number, which the schema says
    total = sum(numbers)
    if total > 1 + _ROUNDING:
        yield (
            ("ab", "shares" if shares else "control"),
            f"shares sum to {total:g} with the control's {numbers[0]:g}; together they may be 1 at most",
        )
    elif total > 1 - _ROUNDING and (left := [a for a in agents if a not in shares]):
        yield ("ab", "shares"), f"nothing is left for {', '.join(left)}; lower the other shares, or name all"


def _labels(entries: Json, default: Callable[[Mapping[str, Json]], str]) -> list[str]:
    named = [e for e in entries if isinstance(e, dict)] if isinstance(entries, list) else []
    return [str(e.get("name") or default(e)) for e in named]


def _agent(entry: Mapping[str, Json]) -> str:
    return str(entry.get("kind"))


def _monitor(entry: Mapping[str, Json]) -> str:
    return f"{entry.get('kind')}.{entry.get('metric', 'value')}"


def _nobody(what: str, name: str, known: Sequence[str]) -> str:
    return f"no {what} of this study is called {name!r}{did_you_mean(name, known)} Known: {', '.join(known) or 'none'}."
