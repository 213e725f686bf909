"""Answers `rage config`: a configuration as it will be used, the JSON Schema of such a file, or a key explained."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml
from pydantic import BaseModel

from experiments import config
from experiments.console import print_json, show
from rage_env import configs, scenario, yamlfile
from rage_env.errors import UnknownNameError
from rage_env.yamltree import parse

__all__ = ["print_explained", "print_resolved", "print_schema", "resolved"]


def resolved(name_or_path: str, overrides: Sequence[str] = ()) -> BaseModel:
    """The experiment, scenario or sweep of that name or file, whichever it is. Raises InputError."""
    kind = _kind(name_or_path)
    if kind == "scenarios":
        return scenario.load(name_or_path, overrides)
    if kind == "sweeps":
        from experiments.sweeps import cells

        return cells.load(name_or_path, overrides).sweep
    return config.load(name_or_path, overrides)


def print_resolved(name_or_path: str, overrides: Sequence[str], *, as_json: bool) -> None:
    """Print it as YAML headed by its hash, or as JSON."""
    model = resolved(name_or_path, overrides)
    fields = model.model_dump(mode="json")
    if as_json:
        print_json(fields)
        return
    digest = model.hash if isinstance(model, config.ExperimentConfig) else yamlfile.config_hash(model)
    print(f"# sha256 {digest}")
    print(yaml.safe_dump(fields, sort_keys=False, allow_unicode=True, width=110), end="")


def print_schema(name: str | None) -> None:
    """Print the JSON Schema of such a file, with every name that may stand in it. name: of a file or a kind."""
    from experiments.schemas import with_names

    print_json(with_names(_kind_asked(name)))


def print_explained(name: str | None, key: str, overrides: Sequence[str], *, as_json: bool) -> None:
    """Print what a key is for, what it may hold, and what it holds in the file, if one is named."""
    from experiments.explained import explain
    from experiments.schemas import PUBLISHED

    named = name is not None and name not in PUBLISHED
    found = explain(_kind_asked(name), key, resolved(str(name), overrides) if named else None)
    if as_json:
        print_json(found)
        return
    for what, text in found.items():
        show(f"{what}: {text}")


def _kind_asked(name: str | None) -> str:
    from experiments.schemas import PUBLISHED

    if name is None:
        return "experiments"
    return name if name in PUBLISHED else _kind(name)


def _kind(name_or_path: str) -> str:
    """A folder of configs: by shipped name; for a file, by whether it has axes, or lists arms or a base, or neither."""
    known = {kind: configs.names(kind) for kind in ("experiments", "scenarios", "sweeps")}
    for kind, names in known.items():
        if name_or_path in names:
            return kind
    if not name_or_path.endswith((".yaml", ".yml")):
        every = [name for names in known.values() for name in names]
        raise UnknownNameError("experiment, scenario or sweep", name_or_path, every)
    data = parse(yamlfile.read(Path(name_or_path)), name_or_path).data
    keys = set(data) if isinstance(data, dict) else set()
    if "axes" in keys:
        return "sweeps"
    return "scenarios" if keys & {"arms", "extends"} and "agents" not in keys else "experiments"
