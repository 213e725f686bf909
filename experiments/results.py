"""The results folder of a study: written first, read by everything that shows or compares. Its files: see `layout`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import pandas as pd

from experiments import provenance, storage
from experiments.config import ExperimentConfig
from experiments.config_ab import CONTROL
from experiments.exhibits import EXHIBITS
from experiments.layout import AB_RUN_TABLES, LOG_FILES, RUN_TABLES, SERVED, TABLES
from experiments.seal import SEAL, is_whole, refuse_changed, seal
from experiments.study_file import WHICH, Study
from experiments.summary import check_stored_table, check_summary, check_weekly
from rage_env.errors import ConfigError, LogError, RunError

__all__ = ["Results", "Study"]

_ABOUT = ("config.json", "study.json")


@dataclass(frozen=True)
class Results:
    """One results folder. Reading raises LogError naming a file that is missing or corrupted."""

    path: Path
    study: Study

    @classmethod
    def create(cls, out: str | Path, config: ExperimentConfig) -> Self:
        """The folder of this study under `out`, made now or left by an earlier start: finished runs are kept.

        Raises LogError for a folder of another schema or one whose files were changed, and leaves it as it is.
        """
        study = Study.of(config)
        path = cls.place(out, study)
        if (path / SEAL).is_file() or (path / "runs").exists():
            return cls._again(path, study)
        if (path / "study.json").is_file():
            Study.read(path / "study.json")  # of another schema, which had no checksums, it is refused
        storage.write_json(path / "config.json", config.model_dump(mode="json"))
        storage.write_json(path / "study.json", asdict(study))
        seal(path, _ABOUT)
        return cls(path, study)

    @staticmethod
    def place(out: str | Path, study: Study) -> Path:
        """The folder of this study under `out`, made if need be. Raises ConfigError where none can be made."""
        path = Path(out) / f"{study.name}-{study.hash[:8]}"
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(
                f"out: results cannot be written to {Path(out)} ({error.strerror}); give a folder that can be written"
            ) from error
        return path

    @classmethod
    def _again(cls, path: Path, study: Study) -> Self:
        """What an earlier start left, if all of it is as it was left."""
        found = cls.open(path)
        if differ := [f for f in WHICH if getattr(found.study, f) != getattr(study, f)]:
            was, is_ = (str(getattr(s, differ[0]))[:12] for s in (found.study, study))
            raise LogError(
                f"{path}: corrupted: study.json is of another study ({differ[0]} {was}, not {is_}); "
                "move the folder away, then run the study again"
            )
        found.refuse_changed()
        return found

    def refuse_changed(self) -> None:
        """Raises LogError naming every file that holds something else than what was written; nothing is touched."""
        refuse_changed(self.path, f"move {self.path} away and run the study again")
        for run in self.runs():
            self.refuse_changed_run(*run)

    def refuse_changed_run(self, agent: str, seed: int) -> None:
        """Raises LogError naming every changed file of one run."""
        folder = self.run_folder(agent, seed)
        refuse_changed(folder, f"delete the folder {folder} and run the study again")

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
        return is_whole(self.run_folder(agent, seed), self._files)

    @property
    def _files(self) -> list[str]:
        """Files of every finished run that say what came out of it."""
        logs = LOG_FILES if self.config.get("keep_logs") else ()
        return [*(f"{name}.parquet" for name in self.run_tables), "summary.json", *logs]

    def write_run(
        self,
        agent: str,
        seed: int,
        tables: Mapping[str, pd.DataFrame],
        summary: Mapping[str, object],
        seconds: Mapping[str, float] | None = None,
    ) -> Path:
        """Write a finished run, its checksums last: {one of run_tables or EXHIBITS: table}, figures, seconds by part.

        Raises RunError for a weekly table that lacks a column or a week, or a log that should be there and is not.
        """
        folder = self.run_folder(agent, seed)
        check_weekly(tables["weekly"], f"run of {agent}, seed {seed}", self.study.weeks)
        (folder / SEAL).unlink(missing_ok=True)  # what stands there is replaced from here on
        for name in self.run_tables:
            storage.write_table(folder / f"{name}.parquet", tables.get(name, pd.DataFrame()))
        for name in EXHIBITS:
            if name in tables:
                storage.write_table(folder / f"{name}.parquet", tables[name])
        storage.write_json(folder / "timing.json", seconds or {})
        storage.write_json(folder / "provenance.json", {"seed": seed, **provenance.environment()})
        storage.write_json(folder / "summary.json", summary)
        missing = [file for file in self._files if not (folder / file).is_file()]
        if missing:
            raise RunError(f"run of {agent}, seed {seed}: {missing[0]} was not written before the run was closed")
        shown = [f"{name}.parquet" for name in EXHIBITS if name in tables]
        seal(folder, [*self._files, *shown, *([SERVED] if (folder / SERVED).is_file() else [])])
        return folder

    def run_table(self, agent: str, seed: int, name: str) -> pd.DataFrame:
        """One of run_tables of a run, or of EXHIBITS."""
        file = self.run_folder(agent, seed) / f"{name}.parquet"
        table = storage.read_table(file)
        check_stored_table(name, table, file)
        return table

    def has_exhibit(self, agent: str, seed: int, name: str) -> bool:
        """Whether the run kept that one of EXHIBITS."""
        return name in EXHIBITS and (self.run_folder(agent, seed) / f"{name}.parquet").is_file()

    def weekly(self, agent: str, seed: int) -> pd.DataFrame:
        """One row a week."""
        return self.run_table(agent, seed, "weekly")

    def all_weekly(self) -> pd.DataFrame:
        """Rows of every finished run, with columns `agent` and `seed` before the others. Raises LogError for none."""
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

    def conclude(self, tables: Mapping[str, pd.DataFrame]) -> None:
        """Write {one of TABLES: table}, and the study's checksums last."""
        seal(self.path, _ABOUT)
        for name, table in tables.items():
            self.write_table(name, table)
        derived = [f"{name}.parquet" for name in tables]
        seal(self.path, [*_ABOUT, *derived, *(["leaderboard.csv"] if "leaderboard" in tables else [])])

    def write_table(self, name: str, table: pd.DataFrame) -> Path:
        """Write one of TABLES; the leaderboard as CSV too."""
        if name == "leaderboard":
            storage.write_text(self.path / "leaderboard.csv", table.to_csv(index=False, lineterminator="\n"))
        return storage.write_table(self._table(name), table)

    def table(self, name: str) -> pd.DataFrame:
        """One of TABLES."""
        table = storage.read_table(self._table(name))
        check_stored_table(name, table, self._table(name))
        return table

    def has_table(self, name: str) -> bool:
        """Whether that table was written."""
        return self._table(name).is_file()

    def _table(self, name: str) -> Path:
        if name not in TABLES:
            raise LogError(f"no table is called {name!r}; a results folder has {', '.join(TABLES)}")
        return self.path / f"{name}.parquet"
