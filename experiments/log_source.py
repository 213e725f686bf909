"""Opens what `rage evaluate` is pointed at: a RAGE log folder, or a foreign file through a mapping."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from experiments.delayed import known_by
from experiments.foreign_log import read_foreign_log, read_valid_rows
from experiments.mapping import locate, read_mapping
from experiments.named import naming
from rage_env import configs
from rage_env.errors import InputError, LogError
from rage_env.log import PROB_PREFIX, CohortLog, validate_log
from rage_env.log_checks import drop_invalid

__all__ = ["LogSource", "Reading", "open_source"]

Probs = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LogSource:
    """A log with what must be known to evaluate it. Arm 0 leaves people alone."""

    name: str
    origin: str
    table: pa.Table
    arms: tuple[str, ...]
    metrics: tuple[str, ...]  # asked about unless somebody says otherwise
    clusters: str
    one_decision: bool  # every unit has one row, so a policy can be learned and ranked from rows
    notes: tuple[str, ...] = ()  # what was dropped, and by which rule late columns were read
    estimated: bool = False  # propensities that the log withholds are to be guessed
    scenario: str = ""  # the world of ours that made it, where one did
    least_propensity: float | None = None  # of any arm, where the design fixed it
    others: Mapping[str, Probs] = field(default_factory=dict)  # further policies to be valued, (n, k) each, by name

    @property
    def tried(self) -> Probs | None:
        """(n, k) probabilities that the log drew from, where it kept them."""
        names = [PROB_PREFIX + a for a in self.arms]
        if not set(names) <= set(self.table.column_names):
            return None
        return np.stack([np.asarray(self.table[c].to_numpy(), dtype=np.float64) for c in names], axis=1)

    def blanket(self, arm: int) -> Probs:
        """(n, k) everybody gets `arm`; arm 0 where the log could not have drawn it."""
        probs = np.zeros((self.table.num_rows, len(self.arms)))
        tried = self.tried
        can = np.ones(len(probs), dtype=np.bool_) if tried is None else tried[:, arm] > 0
        probs[can, arm] = 1.0
        probs[~can, 0] = 1.0
        return probs

    def policies(self) -> dict[str, Probs]:
        """{name: (rows, k)} of plain policies: every arm for all, chance alone, and what the log itself did."""
        found = {self._blanket_name(a): self.blanket(a) for a in range(len(self.arms))}
        tried = self.tried
        if tried is None:
            found["uniform"] = np.full((self.table.num_rows, len(self.arms)), 1 / len(self.arms))
            return found | dict(self.others)
        able = (tried > 0).astype(np.float64)
        found["uniform"] = able / able.sum(axis=1, keepdims=True)
        if not self.one_decision:
            found["as logged"] = tried / tried.sum(axis=1, keepdims=True)
        return found | dict(self.others)

    def _blanket_name(self, arm: int) -> str:
        if arm == 0:
            return f"{self.arms[0]} for all"
        return f"{self.arms[arm]} for all" if self.one_decision else f"{self.arms[arm]} where tried"


@dataclass(frozen=True)
class Reading:
    """How a log is to be read."""

    drop: bool = False  # leave out rows that break a rule, and count them
    delayed: str = "settled"  # how columns that become known late are read, see delayed.py
    week: int | None = None  # the date at which those are known
    estimate_propensities: bool = False  # guess those that the log withholds


def open_source(path: str | Path, mapping: str | Path | None = None, reading: Reading | None = None) -> LogSource:
    """The log at `path`. Raises InputError that says what can be given instead."""
    reading = reading or Reading()
    place = Path(path)
    if not str(path).strip():
        raise InputError(
            f"log: the name is empty; give a folder with log.parquet, or {', '.join(configs.names('logs'))}"
        )
    if mapping is not None:
        file = configs.find("logs", mapping)
        return _foreign(file, place, reading)
    if place.is_dir() or (place.name == "log.parquet" and place.is_file()):
        return _ours(place if place.is_dir() else place.parent, reading)
    if place.suffix in (".yaml", ".yml") or str(path) in configs.names("logs"):
        return _foreign(configs.find("logs", path), None, reading)
    known = ", ".join(configs.names("logs"))
    if place.is_file():
        raise InputError(f"{path}: to read a foreign file, say what its columns mean with --mapping ({known}, or YAML)")
    raise InputError(f"{path}: no such log; give a folder with log.parquet, a mapping ({known}, or YAML), or a file")


def _foreign(file: Path, data: Path | None, reading: Reading) -> LogSource:
    if reading.delayed != "settled" or reading.week is not None:
        raise InputError(
            f"delayed columns: a foreign log says nothing of delays, so it cannot be read {reading.delayed}; "
            "leave out the weeks whose outcomes are not all known before you map it"
        )
    found = read_mapping(file)
    if data is not None:
        if not data.is_file():
            what = "is a folder" if data.is_dir() else "no such file"
            raise InputError(f"{data}: {what}; the mapping {found.name!r} can read {Path(found.file).name}")
        found = found.model_copy(update={"file": str(data.resolve()), "sha256": None})
    place = locate(found, file.parent)
    notes: tuple[str, ...] = ()
    with naming(place):
        if reading.drop:
            table, dropped = read_valid_rows(found, place)
            notes = (str(dropped),)
        else:
            table = read_foreign_log(found, place)
    one = found.unit is None or len(table["user_id"].unique()) == table.num_rows
    metrics = tuple(o.name for o in found.outcomes)
    arms, guess = tuple(a.name for a in found.arms), reading.estimate_propensities
    least = min((a.propensity for a in found.arms if a.propensity is not None), default=None)
    return LogSource(
        found.name, found.source, table, arms, metrics, "user_id", one, notes, guess, least_propensity=least
    )  # fmt: skip


def _ours(folder: Path, reading: Reading) -> LogSource:
    log = CohortLog.read(folder)
    arms = log.meta.arm_names
    notes: list[str] = []
    try:
        known = known_by(log, reading.delayed, reading.week)
        notes += [known.note] if known.note else []
        if reading.drop:
            table, dropped = drop_invalid(known.table, k=len(arms))
            notes.append(str(dropped))
        else:
            table = validate_log(known.table, k=len(arms))
    except LogError as error:
        raise LogError(f"{folder}: {error}. The log was changed; run the experiment again") from error
    by = f"scenario {log.meta.scenario or 'unknown'}, agent {log.meta.agent or 'unknown'}, seed {log.meta.seed}"
    metrics, guess = ("reward", "net_revenue"), reading.estimate_propensities
    world = log.meta.scenario
    return LogSource(folder.name, by, table, arms, metrics, "unit", False, tuple(notes), guess, scenario=world)
