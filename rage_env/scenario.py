"""The schema of a scenario file: the numbers of a world, each with its source.

A file that starts with `extends: fintech` states only what differs from that world; see rage_env/extending.py.
Plain numbers in the file, units in the field names and docstrings here. `sources` maps dotted paths to where their
numbers come from (or "assumed"); together they must cover every number of the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, Field, create_model, model_validator

from rage_env import hooks, mechanisms, parts
from rage_env.arms import Arm
from rage_env.arrivals import Arrivals
from rage_env.delays import DelayLaw
from rage_env.drift import Drift
from rage_env.errors import ConfigError, did_you_mean
from rage_env.guardrails import Guardrail
from rage_env.interface import ArmSpec
from rage_env.outcomes import COLUMNS, DELAYED
from rage_env.overrides import Override
from rage_env.population import PopulationParams
from rage_env.scenario_sources import UNSOURCED, uncovered

__all__ = ["Scenario", "StatusQuo", "load"]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)


class StatusQuo(_Strict):
    """What the company does today: `arm` to a random `share` of its users every week, nothing to the rest."""

    arm: str
    share: float = Field(ge=0, le=1)


if TYPE_CHECKING:

    class Mechanisms(BaseModel):
        """Parameters by mechanism; absent ones are None."""
else:
    Mechanisms = create_model(
        "Mechanisms",
        __config__=ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False),
        **{name: (mechanisms.module(name).Params | None, None) for name in mechanisms.names()},
    )


class Scenario(_Strict):
    """One world. weeks: length of an episode; burn_in_weeks: weeks lived at arm 0 before it starts."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    description: str
    weeks: int = Field(ge=1, le=10_000)
    burn_in_weeks: int = Field(ge=0, le=520)
    retention_value_usd: float = Field(ge=0)
    population: PopulationParams
    mechanisms: Mechanisms
    arms: tuple[Arm, ...] = Field(min_length=2, max_length=127)
    status_quo: StatusQuo
    delays: dict[str, DelayLaw]
    delay_scale: float = Field(default=1.0, gt=0)
    guardrails: tuple[Guardrail, ...] = ()
    drift: tuple[Drift, ...] = ()
    arrivals: Arrivals | None = None
    sources: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        problems = [*_arm_problems(self), *_delay_problems(self)]
        names = [g.name for g in self.guardrails]
        problems += [f"guardrails: two are called {n!r}" for n in sorted(set(names)) if names.count(n) > 1]
        problems += hooks.problems({n: p for n, p in self.mechanisms if p is not None}, self.arms)
        problems += parts.drift_problems(self)
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @cached_property
    def used(self) -> dict[str, Any]:
        """{mechanism: its parameters} for those this world has, parents first."""
        given = {n: p for n in mechanisms.names() if (p := getattr(self.mechanisms, n)) is not None}
        return {n: given[n] for n in mechanisms.in_order(given)}

    @property
    def arm_names(self) -> tuple[str, ...]:
        """Names of the arms, arm 0 first."""
        return tuple(a.name for a in self.arms)

    @property
    def specs(self) -> tuple[ArmSpec, ...]:
        """What agents may know of the arms."""
        return tuple(a.spec for a in self.arms)

    @property
    def delay_laws(self) -> dict[str, DelayLaw]:
        """{delayed column: its law}, after `delay_scale`."""
        return {c: self.delays[c].scaled(self.delay_scale) for c in DELAYED}

    def unsourced(self) -> list[str]:
        """Dotted paths of numbers that no entry of `sources` covers."""
        dump = self.model_dump(mode="json", exclude=set(UNSOURCED), exclude_defaults=True)
        return uncovered(dump, self.sources)


def _arm_problems(scenario: Scenario) -> Iterator[str]:
    names = scenario.arm_names
    if names[0] != "no_offer":
        yield f"arms.0: arm 0 is always no_offer, got {names[0]!r}"
    yield from (f"arms: two are called {n!r}" for n in sorted(set(names)) if names.count(n) > 1)
    if (usual := scenario.status_quo.arm) not in names:
        yield f"status_quo.arm: no arm is called {usual!r}{did_you_mean(usual, names)}"


def _delay_problems(scenario: Scenario) -> Iterator[str]:
    for column in scenario.delays:
        if column not in DELAYED:
            known = "is known at once" if column in COLUMNS else "is no column of the ledger"
            yield f"delays.{column}: {known}{did_you_mean(column, DELAYED)}"
    for column in DELAYED:
        if column not in scenario.delays:
            yield f"delays.{column}: missing; every delayed column needs its law"


def load(base: str | Path | Scenario, overrides: Override | Iterable[Override] = ()) -> Scenario:
    """The scenario of that name or file, or that scenario itself, with overrides merged in (lists replace).

    A file may build on another scenario (rage_env/extending.py). overrides: a nested mapping, or texts like
    `"weeks=52"`. Raises ConfigError naming every problem at once.
    """
    from rage_env import configs, extending, yamlfile

    if isinstance(base, Scenario):
        path, scenario = Path(base.name), base
        changes = [overrides] if isinstance(overrides, str | Mapping) else list(overrides)
        if any(changes):
            scenario = yamlfile.load_text(Scenario, base.model_dump_json(), base.name, changes)
    else:
        path = configs.find("scenarios", base)
        scenario = yamlfile.changed(Scenario, extending.read(path), overrides)
    missing = scenario.unsourced()
    if missing:
        raise ConfigError(
            [f"{path}: sources: no source covers the number {p} (write one, or 'assumed')" for p in missing]
        )
    return scenario
