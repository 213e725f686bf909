"""JSON Schemas of configuration files, for editors: published in configs/schema, and with names for one's own files.

`python -m experiments.schemas` writes the published ones anew. They hold keys, types, bounds and words. Names of
agents, estimators, monitors and scenarios are added by `rage config NAME --schema` only, since a file added to a
package or folder must not make a published schema wrong.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from experiments.calibration.moments_file import MomentsFile
from experiments.config import ExperimentConfig
from experiments.config_words import WORDS
from experiments.mapping import LogMapping
from experiments.storage import write_text
from experiments.sweeps.schema import Sweep
from rage_env import configs
from rage_env.scenario import Scenario

__all__ = ["EXTENSION", "MODELS", "PUBLISHED", "Schema", "published", "schema", "text_of", "with_names"]

Schema = dict[str, Any]  # Any: JSON Schema is plain JSON of any depth

MODELS: dict[str, type[BaseModel]] = {
    "experiments": ExperimentConfig,
    "scenarios": Scenario,
    "sweeps": Sweep,
    "logs": LogMapping,
    "moments": MomentsFile,
}
"""{folder of configs: what its files hold}."""

EXTENSION = "extension"
PUBLISHED = (*MODELS, EXTENSION)
"""Names of the published schemas; `extension` is of a scenario that `extends` another."""

_DRAFT = "https://json-schema.org/draft/2020-12/schema"


def schema(kind: str) -> Schema:
    """JSON Schema of the files of one kind, without names that a new file would add."""
    found = MODELS["scenarios" if kind == EXTENSION else kind].model_json_schema()
    if kind == "experiments":
        for key, words in WORDS.items():
            found["properties"][key].setdefault("description", words)
        as_range = {"type": "string", "pattern": r"^[0-9]+\.\.[0-9]+$"}
        seeds = found["properties"]["seeds"]
        found["properties"]["seeds"] = {
            "description": seeds.pop("description", ""),
            "anyOf": [{**seeds, "uniqueItems": True}, as_range],
        }
    if kind == "logs":
        fraction = {"type": "string", "pattern": r"^\s*[0-9.]+\s*/\s*[0-9.]+\s*$"}
        found["$defs"]["MappedArm"]["properties"]["propensity"]["anyOf"].append(fraction)
    if kind == EXTENSION:
        found = _partial(found)
        found["properties"]["extends"] = {"type": "string", "description": "The scenario that this one builds on."}
        found["required"] = ["extends"]
    return {"$schema": _DRAFT, **found}


def with_names(kind: str) -> Schema:
    """The same with every name there is to choose from, here and now."""
    import agents
    from experiments import estimators, monitors
    from experiments.config_names import ORACLES

    found = schema(kind)
    if kind == "experiments":
        kinds = found["$defs"]
        kinds["AgentEntry"]["properties"]["kind"]["enum"] = [*agents.names(), *ORACLES]
        kinds["MonitorEntry"]["properties"]["kind"]["enum"] = [*monitors.names()]
        texts = found["properties"]["estimators"]["items"]["anyOf"]
        next(t for t in texts if t.get("type") == "string")["enum"] = [*estimators.names()]
        found["properties"]["scenario"]["examples"] = [*configs.names("scenarios")]
    if kind == "sweeps":
        found["properties"]["base"]["examples"] = [*configs.names("experiments")]
    return found


def published(kind: str) -> Path:
    """Where the schema of that kind lies."""
    return configs.root() / "schema" / f"{kind}.json"


def _partial(held: Any) -> Any:  # Any: as above
    """Nothing is required, and entries of a list may be named instead of listed whole."""
    if isinstance(held, list):
        return [_partial(inner) for inner in held]
    if not isinstance(held, dict):
        return held
    out = {key: _partial(inner) for key, inner in held.items() if key not in ("required", "minItems")}
    if held.get("type") == "array":
        return {"anyOf": [out, {"type": "object"}]}
    return out


def _write(kinds: Iterable[str], told: Callable[[str], None] = print) -> None:
    for kind in kinds:
        told(str(write_text(published(kind), text_of(kind))))


def text_of(kind: str) -> str:
    """A published schema as it stands on disk."""
    return json.dumps(schema(kind), indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    _write(PUBLISHED)
