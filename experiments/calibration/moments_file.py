"""Reads moments that somebody published or computed elsewhere: a calibration needs no more than these."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from experiments.calibration.moments import NAMES
from experiments.calibration.simulate import LARGEST
from experiments.calibration.target import Ages, Departures, Design, Target
from rage_env import configs, scenario
from rage_env.errors import did_you_mean
from rage_env.scenario import Scenario
from rage_env.yamlfile import load

__all__ = ["MomentsFile", "read_moments"]


class MomentsFile(BaseModel):
    """Moments by name, of `users` people watched for `weeks`, as experiments/calibration/target.py describes them.

    scenario: the world that is meant; overrides: what of it to change first, where its own numbers lie too far off to
    begin from. left_out: figures of the same source that no moment here stands for, and why.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    source: str
    scenario: str
    overrides: dict[str, Any] = Field(default_factory=dict)  # Any: a JSON tree
    users: int = Field(ge=50)
    weeks: int = Field(ge=8, le=520)
    ages: Ages = "mixed"
    departures: Departures = "seen"
    active_within: int = Field(default=0, ge=0)
    contact_share: float = Field(default=0.0, ge=0, le=1)
    moments: dict[str, float] = Field(min_length=1)
    left_out: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _known(self) -> Self:
        strange = [f"{m!r} is no moment{did_you_mean(m, NAMES)}" for m in self.moments if m not in NAMES]
        if strange:
            raise ValueError("; ".join(strange))
        return self

    def world(self, name: str | None = None) -> Scenario:
        """The scenario to begin from: the named one, or else the one that is meant, changed as this file asks."""
        return scenario.load(name or self.scenario, [] if name else [self.overrides])

    @property
    def target(self) -> Target:
        """What a fit asks for."""
        columns = [c for c, told in _NEEDS.items() if any(m.startswith(told) for m in self.moments)]
        users = min(self.users, LARGEST)
        design = Design(
            users, self.weeks, self.ages, self.departures, self.active_within, self.contact_share, tuple(columns)
        )
        return Target(self.name, self.source, design, self.moments)


_NEEDS = {"transactions": ("spend_per_transaction",), "late": ("late_", "current_to_late", "cure_after_")}


def read_moments(name_or_path: str | Path) -> MomentsFile:
    """A shipped file by name, or any YAML or JSON file. Raises ConfigError with every problem and its line."""
    path = Path(name_or_path)
    return load(MomentsFile, path if path.suffix == ".json" else configs.find("moments", name_or_path))
