"""Answers `rage config`: a configuration as it will be used, or the JSON Schema of such a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml
from pydantic import BaseModel

from experiments import config
from experiments.console import print_json
from rage_env import configs, scenario, yamlfile
from rage_env.errors import UnknownNameError
from rage_env.yamltree import parse

__all__ = ["print_resolved", "resolved"]


def resolved(name_or_path: str, overrides: Sequence[str] = ()) -> BaseModel:
    """The experiment or scenario of that name or file, whichever it is. Raises InputError."""
    if _kind(name_or_path) == "scenarios":
        return scenario.load(name_or_path, overrides)
    return config.load(name_or_path, overrides)


def print_resolved(name_or_path: str, overrides: Sequence[str], *, schema: bool, as_json: bool) -> None:
    """Print it as YAML headed by its hash, as JSON, or print its schema."""
    if schema:
        models: dict[str, type[BaseModel]] = {"scenarios": scenario.Scenario, "experiments": config.ExperimentConfig}
        print_json(models[_kind(name_or_path)].model_json_schema())
        return
    model = resolved(name_or_path, overrides)
    fields = model.model_dump(mode="json")
    if as_json:
        print_json(fields)
        return
    digest = model.hash if isinstance(model, config.ExperimentConfig) else yamlfile.config_hash(model)
    print(f"# sha256 {digest}")
    print(yaml.safe_dump(fields, sort_keys=False, allow_unicode=True, width=110), end="")


def _kind(name_or_path: str) -> str:
    """`scenarios` or `experiments`: by shipped name; for a file, by whether it lists agents, or arms or a base."""
    scenarios, experiments = configs.names("scenarios"), configs.names("experiments")
    if name_or_path in scenarios:
        return "scenarios"
    if name_or_path in experiments:
        return "experiments"
    if not name_or_path.endswith((".yaml", ".yml")):
        raise UnknownNameError("experiment or scenario", name_or_path, (*experiments, *scenarios))
    data = parse(yamlfile.read(Path(name_or_path)), name_or_path).data
    is_world = isinstance(data, dict) and not data.keys().isdisjoint(("arms", "extends")) and "agents" not in data
    return "scenarios" if is_world else "experiments"
