"""study.json: what a results folder is about, and what it was made with."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from pydantic import TypeAdapter, ValidationError

from experiments import provenance, storage
from experiments.config import ExperimentConfig, study_hash
from experiments.layout import SCHEMA
from rage_env.errors import LogError
from rage_env.yamlfile import config_hash

__all__ = ["WHICH", "Study"]

WHICH = ("hash", "name", "scenario", "agents", "seeds", "users", "weeks")
"""Fields that say which study it is."""


@dataclass(frozen=True)
class Study:
    """What a results folder is about. hash: identity of experiment, world and code.

    made_with: provenance.environment() of the first start; every run has its own.
    """

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
    created: str  # UTC, ISO 8601
    made_with: dict[str, object] = field(default_factory=dict)
    schema: int = SCHEMA

    @classmethod
    def of(cls, config: ExperimentConfig) -> Self:
        """The study that this experiment, its world and the code at hand make."""
        world = config.world()
        return cls(
            name=config.name,
            question=config.question,
            hash=study_hash(config, world, provenance.code_hash()),
            config_hash=config.hash,
            scenario=world.name,
            scenario_hash=config_hash(world),
            code_hash=provenance.code_hash(),
            agents=config.groups,
            seeds=config.seeds,
            users=config.users,
            weeks=config.weeks,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            made_with=provenance.environment(),
        )

    @classmethod
    def read(cls, file: Path) -> Self:
        """Inverse of what `Results.create` wrote. Raises LogError naming the file, for another schema by its number."""
        raw = storage.read_json(file)
        if raw.get("schema") != SCHEMA:
            raise LogError(
                f"{file}: results schema {raw.get('schema')}, this RAGE reads {SCHEMA}; "
                "run the study again elsewhere (--out) or read it with the version that wrote it"
            )
        names = {f.name for f in fields(cls)}
        if set(raw) != names:
            raise LogError(
                f"{file}: corrupted: keys missing {sorted(names - set(raw))}, unknown {sorted(set(raw) - names)}; "
                f"move {file.parent} away and run the study again"
            )
        try:
            return TypeAdapter(cls).validate_json(json.dumps(raw), strict=True)
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg'].lower()}" for e in error.errors())
            raise LogError(f"{file}: corrupted ({wrong}); move {file.parent} away and run the study again") from error

    @property
    def commit(self) -> str | None:
        """The commit that was checked out, if one was."""
        held = self.made_with.get("commit")
        return None if held is None else str(held)
