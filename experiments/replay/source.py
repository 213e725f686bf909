"""Opens the log that is to be lived again, and the experiment it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from experiments.config import AgentEntry, ExperimentConfig
from experiments.seal import refuse_changed
from rage_env.errors import LogError
from rage_env.log import CohortLog
from rage_env.yamlfile import config_hash

__all__ = ["Source", "open_log"]


@dataclass(frozen=True, eq=False)
class Source:
    """A log with what is needed to live its weeks again. entry: who wrote it."""

    folder: Path
    log: CohortLog
    config: ExperimentConfig
    entry: AgentEntry

    @property
    def seed(self) -> int:
        """Of the world's luck and of the draws."""
        return self.log.meta.seed


def open_log(path: str | Path) -> Source:
    """The log of a run folder, a log folder or a log.parquet. Raises LogError for one that cannot be lived again."""
    folder = _folder(Path(path))
    refuse_changed(folder.parent, "run its study again")
    log = CohortLog.read(folder)
    config = _experiment(folder, log)
    agent = log.meta.agent
    entries = {entry.label: entry for entry in config.agents}
    if config.mode == "ab":
        raise LogError(
            f"{folder}: is of one group of an A/B study, whose users lived beside the other groups; "
            "replay takes logs of mode paired. To live the whole study again: rage run --check, with its results folder"
        )
    if agent not in entries:
        raise LogError(f"{folder}: says that {agent!r} wrote it, who is not in its own experiment; run the study again")
    if [w.week for w in log.weeks] != list(range(config.weeks)):
        raise LogError(f"{folder}: does not hold weeks 0..{config.weeks - 1} once each; run the study again")
    return Source(folder, log, config, entries[agent])


def _folder(path: Path) -> Path:
    if path.name == "log.parquet":
        return path.parent
    if (path / "log.parquet").is_file():
        return path
    if (path / "log" / "log.parquet").is_file():
        return path / "log"
    if (path / "study.json").is_file():
        kept = sorted(path.glob("runs/*/seed-*/log"))
        hint = f"give the log of one run, such as {kept[0]}" if kept else "run the study again with keep_logs=true"
        raise LogError(f"{path}: is a results folder, and a replay is of one log; {hint}")
    if (path / "summary.json").is_file():
        raise LogError(f"{path}: keeps no log; run the study again with keep_logs=true")
    raise LogError(f"{path}: no decision log; give a run's folder, its log folder, or a log.parquet")


def _experiment(folder: Path, log: CohortLog) -> ExperimentConfig:
    told = log.meta.provenance.get("experiment")
    if not isinstance(told, dict):
        raise LogError(f"{folder}: does not say of which experiment it is; logs that `rage run` keeps (keep_logs) do")
    try:
        config = ExperimentConfig.model_validate(told, strict=False)
    except ValidationError as error:
        problem = error.errors()[0]
        at = ".".join(map(str, problem["loc"]))
        raise LogError(
            f"{folder}: its experiment is not one of this release ({at}: {problem['msg']}); "
            "replay it with the release that wrote it"
        ) from error
    was, now = log.meta.provenance.get("scenario_hash"), config_hash(config.world())
    if was != now:
        raise LogError(
            f"{folder}: the world {config.scenario} has changed since this log was written (hash {str(was)[:12]}, "
            f"now {now[:12]}), so its luck cannot be had again; bring back the scenario's file as it was"
        )
    return config
