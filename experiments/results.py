"""The results folder of a study: written first, read by everything that shows or compares.

::

    <name>-<hash8>/
      study.json  config.json  leaderboard.parquet  leaderboard.csv  ope.parquet  monitors.parquet
      verdicts.parquet  over_seeds.parquet      in mode ab, where a run is a group, the control's among them
      runs/<agent>/seed-<s>/          a run is done while every file of it is there
        weekly.parquet  users.parquet  ope.parquet  monitors.parquet  timing.json  summary.json
        verdicts.parquet                          in mode ab
        funnel.parquet ...                        EXHIBITS: a run is done without them
        log/log.parquet  log/reports.parquet      where the study keeps logs
      figures/*.png
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Self, cast

import pandas as pd

from experiments import provenance, storage
from experiments.config import ExperimentConfig, study_hash
from experiments.config_ab import CONTROL
from experiments.exhibits import EXHIBITS
from experiments.summary import check_summary
from rage_env.errors import ConfigError, LogError, RunError, did_you_mean
from rage_env.yamlfile import config_hash

__all__ = [
    "AB_RUN_TABLES",
    "LEADERBOARD",
    "MONITORS",
    "PER_GUARDRAIL",
    "RUN_TABLES",
    "SCHEMA",
    "TABLES",
    "WEEKLY",
    "Results",
    "Study",
    "latest",
]

SCHEMA = 1
"""Raised whenever a file of the folder changes its meaning."""

TABLES = ("leaderboard", "ope", "monitors", "verdicts", "over_seeds")
"""Of the whole study; the last two in mode ab."""

RUN_TABLES = ("weekly", "users", "ope", "monitors")
"""Of each run; one that a run has nothing for is empty."""

AB_RUN_TABLES = (*RUN_TABLES, "verdicts")
"""Of each group in mode ab."""

_LOG_FILES = ("log/log.parquet", "log/reports.parquet")

WEEKLY = ("week", "value", "net_revenue", "nrpau", "present", "share_of_oracle")
"""Columns of every weekly table: usd per assigned user-week, usd per active user, users present, share or NaN."""

PER_GUARDRAIL = ("slack_true", "slack_reported", "slack_realised", "violated", "price")
"""Further weekly columns are called `<one of these>.<guardrail>`."""


LEADERBOARD = ("agent", "value", "net_revenue", "gain", "gain_lower", "gain_upper", "nrpau", "weeks_violated")
"""Least columns of the leaderboard; gain: of value over no_offer, usd per assigned user-week, with its interval."""

MONITORS = ("agent", "seed", "monitor", "week", "estimate", "lower", "upper", "boundary", "log_e", "verdict")
"""Least columns of the monitors' table, one row a look; monitor: the label of the entry in the experiment."""


@dataclass(frozen=True)
class Study:
    """What a results folder is about: study.json. hash: identity of experiment, world and code."""

    name: str
    question: str
    hash: str
    config_hash: str
    scenario: str
    scenario_hash: str
    code_hash: str
    agents: tuple[str, ...]
    seeds: tuple[int, ...]
    users: int
    weeks: int
    packages: dict[str, str]
    commit: str | None
    created: str  # UTC, ISO 8601
    schema: int = SCHEMA

    @classmethod
    def of(cls, config: ExperimentConfig) -> Self:
        """The study that this experiment, its world and the code at hand make."""
        world = config.world()
        identity = study_hash(config, world, provenance.code_hash())
        return cls(
            name=config.name,
            question=config.question,
            hash=identity,
            config_hash=config.hash,
            scenario=world.name,
            scenario_hash=config_hash(world),
            code_hash=provenance.code_hash(),
            agents=config.groups,
            seeds=config.seeds,
            users=config.users,
            weeks=config.weeks,
            packages=provenance.packages(),
            commit=provenance.commit(),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    @classmethod
    def read(cls, file: Path) -> Self:
        """Inverse of what `Results.create` wrote. Raises LogError naming the file, for another schema by its number."""
        raw = storage.read_json(file)
        if raw.get("schema") != SCHEMA:
            raise LogError(
                f"{file}: results schema {raw.get('schema')}, this RAGE reads {SCHEMA}; "
                "run the study again or read it with the version that wrote it"
            )
        names = {f.name for f in fields(cls)}
        if set(raw) != names:
            raise LogError(
                f"{file}: corrupted: keys missing {sorted(names - set(raw))}, unknown {sorted(set(raw) - names)}"
            )
        raw["agents"], raw["seeds"] = tuple(cast("list[str]", raw["agents"])), tuple(cast("list[int]", raw["seeds"]))
        return cls(**raw)  # type: ignore[arg-type]  # names checked above; values were written by `create`


@dataclass(frozen=True)
class Results:
    """One results folder. Reading raises LogError naming a file that is missing or corrupted."""

    path: Path
    study: Study

    @classmethod
    def create(cls, out: str | Path, config: ExperimentConfig) -> Self:
        """The folder of this study under `out`, made now or left by an earlier start: finished runs are kept."""
        study = Study.of(config)
        path = Path(out) / f"{study.name}-{study.hash[:8]}"
        if (path / "study.json").is_file():
            return cls.open(path)
        try:
            storage.write_json(path / "config.json", config.model_dump(mode="json"))
            storage.write_json(path / "study.json", asdict(study))
        except OSError as error:
            raise ConfigError(
                f"out: results cannot be written to {Path(out)} ({error.strerror}); give a folder that can be written"
            ) from error
        return cls(path, study)

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """An existing folder. Raises LogError where there is none."""
        folder = Path(path)
        if not (folder / "study.json").is_file():
            raise LogError(f"{folder}: not a results folder (no study.json); give one that `rage run` wrote")
        return cls(folder, Study.read(folder / "study.json"))

    @property
    def config(self) -> dict[str, object]:
        """The experiment as it was run, plain JSON."""
        return storage.read_json(self.path / "config.json")

    @property
    def run_tables(self) -> tuple[str, ...]:
        """Names of the tables that every run of this study has."""
        return AB_RUN_TABLES if self._is_ab else RUN_TABLES

    @property
    def _is_ab(self) -> bool:
        return self.config.get("mode") == "ab"

    @property
    def baseline(self) -> str:
        """Label of the agent that does nothing, or of the control group, which others are compared with."""
        if self._is_ab:
            return CONTROL
        entries = self.config.get("agents")
        found = (
            [e for e in entries if isinstance(e, dict) and e.get("kind") == "no_offer"]
            if isinstance(entries, list)
            else []
        )
        return str((found[0].get("name") or "no_offer") if found else "no_offer")

    @property
    def figures(self) -> Path:
        """Folder of the figures."""
        return self.path / "figures"

    def runs(self) -> tuple[tuple[str, int], ...]:
        """All (agent, seed), agents first in the order of the experiment."""
        return tuple((agent, seed) for agent in self.study.agents for seed in self.study.seeds)

    def pending(self) -> tuple[tuple[str, int], ...]:
        """Runs that are not done yet, in order."""
        return tuple(run for run in self.runs() if not self.is_done(*run))

    def run_folder(self, agent: str, seed: int) -> Path:
        """Folder of one run. Raises LogError for a run that is not of this study."""
        if (agent, seed) not in self.runs():
            raise LogError(f"{self.path}: no run of agent {agent!r} with seed {seed}; agents {self.study.agents}")
        return self.path / "runs" / agent / f"seed-{seed}"

    def is_done(self, agent: str, seed: int) -> bool:
        """Whether the run was written to its end and has lost no file since."""
        folder = self.run_folder(agent, seed)
        logs = _LOG_FILES if self.config.get("keep_logs") else ()
        files = [*(f"{name}.parquet" for name in self.run_tables), "timing.json", "summary.json", *logs]
        return all((folder / file).is_file() for file in files)

    def write_run(
        self,
        agent: str,
        seed: int,
        tables: Mapping[str, pd.DataFrame],
        summary: Mapping[str, object],
        seconds: Mapping[str, float] | None = None,
    ) -> Path:
        """Write a finished run, its summary last: {one of run_tables or EXHIBITS: table}, figures, seconds by part.

        Raises RunError for a weekly table that lacks a column or a week.
        """
        folder = self.run_folder(agent, seed)
        _check_weekly(tables["weekly"], f"run of {agent}, seed {seed}", self.study.weeks)
        for name in self.run_tables:
            storage.write_table(folder / f"{name}.parquet", tables.get(name, pd.DataFrame()))
        for name in EXHIBITS:
            if name in tables:
                storage.write_table(folder / f"{name}.parquet", tables[name])
        storage.write_json(folder / "timing.json", seconds or {})
        storage.write_json(folder / "summary.json", summary)
        return folder

    def run_table(self, agent: str, seed: int, name: str) -> pd.DataFrame:
        """One of run_tables of a run, or of EXHIBITS."""
        return storage.read_table(self.run_folder(agent, seed) / f"{name}.parquet")

    def has_exhibit(self, agent: str, seed: int, name: str) -> bool:
        """Whether the run kept that one of EXHIBITS."""
        return name in EXHIBITS and (self.run_folder(agent, seed) / f"{name}.parquet").is_file()

    def weekly(self, agent: str, seed: int) -> pd.DataFrame:
        """One row a week."""
        return self.run_table(agent, seed, "weekly")

    def all_weekly(self) -> pd.DataFrame:
        """Rows of every finished run, with columns `agent` and `seed` before the others."""
        tables = [self.weekly(a, s).assign(agent=a, seed=s) for a, s in self.runs() if self.is_done(a, s)]
        if not tables:
            raise LogError(f"{self.path}: no run is finished yet; `rage run` goes on where it stopped")
        table = pd.concat(tables, ignore_index=True)
        return table[["agent", "seed", *(c for c in table.columns if c not in ("agent", "seed"))]]

    def summary(self, agent: str, seed: int) -> dict[str, object]:
        """Figures of one run."""
        return storage.read_json(self.run_folder(agent, seed) / "summary.json")

    def summaries(self) -> dict[str, list[dict[str, object]]]:
        """{agent: figures of its runs, by seed}. Raises LogError naming file and key where a leaderboard lacks one."""
        held: dict[str, list[dict[str, object]]] = {agent: [] for agent in self.study.agents}
        for agent, seed in self.runs():
            summary = self.summary(agent, seed)
            check_summary(summary, self.run_folder(agent, seed) / "summary.json")
            held[agent].append(summary)
        return held

    def write_table(self, name: str, table: pd.DataFrame) -> Path:
        """Write one of TABLES; the leaderboard as CSV too."""
        if name == "leaderboard":
            storage.write_text(self.path / "leaderboard.csv", table.to_csv(index=False, lineterminator="\n"))
        return storage.write_table(self._table(name), table)

    def table(self, name: str) -> pd.DataFrame:
        """One of TABLES."""
        return storage.read_table(self._table(name))

    def has_table(self, name: str) -> bool:
        """Whether that table was written."""
        return self._table(name).is_file()

    def _table(self, name: str) -> Path:
        if name not in TABLES:
            raise LogError(f"no table is called {name!r}; a results folder has {', '.join(TABLES)}")
        return self.path / f"{name}.parquet"


def _check_weekly(weekly: pd.DataFrame, what: str, weeks: int) -> None:
    missing = [c for c in WEEKLY if c not in weekly.columns]
    text = [c for c in weekly.columns if not pd.api.types.is_numeric_dtype(weekly[c])]
    if missing or text:
        raise RunError(f"{what}: weekly table lacks the columns {missing}; columns that are no numbers: {text}")
    if list(weekly["week"]) != list(range(weeks)):
        raise RunError(f"{what}: weekly table must hold weeks 0..{weeks - 1} once each, has {list(weekly['week'])}")


def latest(out: str | Path, name: str | None = None) -> Results:
    """The newest results folder under `out`, of the study `name` if given. Raises LogError where there is none."""
    every = sorted(Path(out).glob("*-????????/study.json"), key=lambda file: file.stat().st_mtime)
    found = [file for file in every if name is None or file.parent.name[:-9] == name]
    if found:
        return Results.open(found[-1].parent)
    if name is None or not every:
        raise LogError(f"{Path(out)}: holds no results yet; `rage run {name or 'quickstart'}` makes some")
    there = sorted({file.parent.name[:-9] for file in every})
    raise LogError(
        f"{name!r} is no results folder, and {Path(out)} holds no study of that name"
        f"{did_you_mean(name, there)} Studies there: {', '.join(there)}."
    )
