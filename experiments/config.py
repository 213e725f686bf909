"""What to run, and the question it answers: the schema of a file in configs/experiments, and how it is read."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from experiments.config_ab import CONTROL, Ab
from experiments.config_names import names_and_parameters
from experiments.config_past import Past
from rage_env import configs, yamlfile
from rage_env.scenario import Scenario
from rage_env.scenario import load as load_scenario

__all__ = [
    "AgentEntry",
    "ExperimentConfig",
    "Floor",
    "MonitorEntry",
    "Ope",
    "OpeTarget",
    "Oracle",
    "Past",
    "Tracking",
    "load",
    "study_hash",
]

BESIDE_RESULTS = ("workers", "tracking")
"""Fields that change how a study is run or shown, never what comes out."""

MOST_SEEDS = 100_000

_SLUG = r"^[a-z0-9][a-z0-9_.-]*$"


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class _Open(BaseModel):
    """Keys beyond the named ones are parameters, checked by what they are for."""

    model_config = ConfigDict(strict=True, frozen=True, extra="allow")

    @property
    def params(self) -> dict[str, object]:
        """The keys beyond the named ones."""
        return dict(self.model_extra or {})


class AgentEntry(_Open):
    """One agent of the study. name: how tables and folders call it, `kind` if left out.

    withhold_propensities: keep its log without the probabilities that its arms were drawn with.
    """

    kind: str
    name: str = Field(default="", pattern=rf"{_SLUG}|^$")
    withhold_propensities: bool = False

    @property
    def label(self) -> str:
        """The name, or the kind."""
        return self.name or self.kind


class MonitorEntry(_Open):
    """One sequential monitor. metric: `value` (paired difference to no_offer) or a guardrail's name.

    Monitors of the log watch `arms`, a column of events, or a feature; see `experiments.feeds`.
    """

    kind: str
    name: str = Field(default="", pattern=rf"{_SLUG}|^$")
    metric: str = "value"

    @property
    def label(self) -> str:
        """The name, or kind and metric."""
        return self.name or f"{self.kind}.{self.metric}"


class Floor(_Strict):
    """Least propensity of every allowed arm, for learners, on a hashed `share` of the users."""

    propensity: float = Field(default=0.01, ge=0, lt=0.5)
    share: float = Field(default=0.2, ge=0, le=1)


class OpeTarget(_Strict):
    """The policy that off-policy estimators are asked about. arm: for `blanket` only."""

    kind: Literal["blanket", "uniform", "no_offer", "status_quo"] = "status_quo"
    arm: str | None = None

    @model_validator(mode="after")
    def _arm_goes_with_blanket(self) -> Self:
        if (self.kind == "blanket") != (self.arm is not None):
            raise ValueError("'arm' is given exactly when kind is 'blanket'")
        return self


class Ope(_Strict):
    """What off-policy estimators are asked."""

    target: OpeTarget = OpeTarget()


class Oracle(_Strict):
    """The step oracle is solved every `every_weeks` weeks, never if 0; `users_fit` user-weeks fit oracle_observable."""

    every_weeks: int = Field(default=4, ge=0)
    users_fit: int = Field(default=100_000, ge=1_000)


class Tracking(_Strict):
    """Where MLflow keeps the study. uri: None for a sqlite file beside the results.

    runs: False for the comparison alone, which is all that a study of hundreds of seeds is looked at for.
    """

    uri: str | None = None
    experiment: str = Field(default="rage", min_length=1)
    runs: bool = True

    @field_validator("uri")
    @classmethod
    def _is_an_address(cls, uri: str | None) -> str | None:
        if uri is not None and "://" not in uri:
            raise ValueError(f"{uri!r} is no address; write sqlite:///path/mlflow.db or http://host:port")
        return uri


class ExperimentConfig(_Strict):
    """A study: agents x seeds in one world. Loaded by `load`, which checks names and parameters too.

    users: at least 2, since one alone has no spread to make an interval of. seeds: a list, or first..last. past: the
    log that learning agents have read before their first week.
    """

    name: str = Field(pattern=_SLUG, max_length=60)
    question: str = Field(min_length=1)
    scenario: str
    scenario_overrides: dict[str, object] = Field(default_factory=dict)
    mode: Literal["paired", "ab"] = "paired"
    ab: Ab | None = None
    users: int = Field(default=10_000, ge=2, le=100_000_000)
    weeks: int = Field(default=26, ge=1, le=10_000)
    seeds: tuple[Annotated[int, Field(ge=0, lt=2**32)], ...] = Field(min_length=1)
    agents: tuple[AgentEntry, ...] = Field(min_length=1)
    floor: Floor = Floor()
    estimators: tuple[str | dict[str, float | str], ...] = ("naive", "dm", "ips", "snips", "dr")
    ope: Ope = Ope()
    monitors: tuple[MonitorEntry, ...] = ()
    oracle: Oracle = Oracle()
    past: Past | None = None
    keep_logs: bool = False
    workers: int = Field(default=2, ge=1, le=1024)
    tracking: Tracking = Tracking()

    @property
    def hash(self) -> str:
        """64 hexadecimal digits of everything that can change results."""
        absent = [field for field in ("ab", "past") if getattr(self, field) is None]
        return yamlfile.config_hash(self, exclude=(*BESIDE_RESULTS, *absent))

    @property
    def groups(self) -> tuple[str, ...]:
        """Who has results of their own: every agent; in mode ab the control before them."""
        labels = tuple(a.label for a in self.agents)
        return labels if self.ab is None else (CONTROL, *labels)

    @property
    def rivals(self) -> int:
        """Agents that share the false alarms a monitor may raise: all that are compared with doing nothing."""
        compared = [a for a in self.agents if self.mode == "ab" or a.kind != "no_offer"]
        return max(1, len(compared))

    def world(self) -> Scenario:
        """The scenario with this study's overrides."""
        return load_scenario(self.scenario, self.scenario_overrides)

    @field_validator("seeds", mode="before")
    @classmethod
    def _from_first_to_last(cls, seeds: object) -> object:
        """`"1..200"` is every seed from the first to the last."""
        if not isinstance(seeds, str):
            return tuple(seeds) if isinstance(seeds, list) else seeds
        first, dots, last = seeds.partition("..")
        if not (dots and first.isdecimal() and last.isdecimal() and int(first) <= int(last) < 2**32):
            raise ValueError(f"{seeds!r} is no range of seeds; write a list, or first..last as in 1..200")
        if int(last) - int(first) >= MOST_SEEDS:
            raise ValueError(f"{seeds!r} is more than {MOST_SEEDS} seeds; give fewer")
        return tuple(range(int(first), int(last) + 1))

    @field_validator("seeds")
    @classmethod
    def _each_seed_once(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        twice = sorted(s for s, times in Counter(seeds).items() if times > 1)
        if twice:
            raise ValueError(f"the same seed twice is the same run twice; give {', '.join(map(str, twice))} once")
        return seeds

    @field_validator("agents")
    @classmethod
    def _agents_can_be_compared(cls, agents: tuple[AgentEntry, ...], info: ValidationInfo) -> tuple[AgentEntry, ...]:
        if info.data.get("mode") != "ab" and "no_offer" not in [a.kind for a in agents]:
            raise ValueError("every study compares with doing nothing; add `- {kind: no_offer}`")
        _each_label_once([a.label for a in agents])
        return agents

    @model_validator(mode="after")
    def _only_from_a_log_that_is_kept(self) -> Self:
        if not self.keep_logs and any(a.withhold_propensities for a in self.agents):
            raise ValueError("withhold_propensities says how a log is kept, and none is; set keep_logs: true")
        return self

    @field_validator("monitors")
    @classmethod
    def _monitors_can_be_told_apart(cls, monitors: tuple[MonitorEntry, ...]) -> tuple[MonitorEntry, ...]:
        _each_label_once([m.label for m in monitors])
        return monitors


def _each_label_once(labels: list[str]) -> None:
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise ValueError(f"two are called {', '.join(twice)}; give each its own `name`")


def load(name_or_path: str | Path, overrides: Iterable[yamlfile.Override] = ()) -> ExperimentConfig:
    """The experiment of that name or file. overrides: `"users=2000"` texts and mappings that merge deeply.

    Raises ConfigError with every problem at once: keys, values, names of agents, their parameters, the world.
    """
    path = configs.find("experiments", name_or_path)
    return yamlfile.load(ExperimentConfig, path, overrides, check=names_and_parameters)


def study_hash(config: ExperimentConfig, world: Scenario, code: str = "") -> str:
    """64 hexadecimal digits of the experiment, every number of its world, and the code: the identity of its results."""
    return hashlib.sha256((config.hash + yamlfile.config_hash(world) + code).encode()).hexdigest()
