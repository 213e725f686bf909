"""What there is to choose from: scenarios, experiments, sweeps, agents, estimators, monitors, a sentence each."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from rage_env import configs
from rage_env.errors import UnknownNameError
from rage_env.yamlfile import read
from rage_env.yamltree import parse

__all__ = ["KINDS", "Entry", "entries"]


class Entry(NamedTuple):
    """A name and what answers to it."""

    kind: str
    name: str
    about: str


def entries(kind: str) -> list[Entry]:
    """Everything of a kind, by name. Raises UnknownNameError for a kind that is none of KINDS."""
    if kind not in _LISTS:
        raise UnknownNameError("kind", kind, KINDS)
    return [Entry(kind, name, about) for name, about in _LISTS[kind]()]


def _agents() -> list[tuple[str, str]]:
    import agents
    from experiments.config_names import ORACLES

    behind = "may look behind the observation; the most that agents are measured by"
    return [(n, _docstring(f"agents.policies.{n}")) for n in agents.names()] + [(n, behind) for n in ORACLES]


def _estimators() -> list[tuple[str, str]]:
    from experiments import estimators

    return [(n, _docstring(f"experiments.estimators.{n}")) for n in estimators.names()]


def _monitors() -> list[tuple[str, str]]:
    from experiments import monitors

    return [(n, _docstring(f"experiments.monitors.{n}")) for n in monitors.names()]


def _files(kind: str, field: str) -> list[tuple[str, str]]:
    def about(name: str) -> str:
        data = parse(read(configs.find(kind, name)), name).data
        return " ".join(str(data.get(field, "")).split()) if isinstance(data, dict) else ""

    return [(name, about(name)) for name in configs.names(kind)]


def _docstring(module: str) -> str:
    """First sentence-line of a module that need not be imported for it."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        return ""
    return (ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))) or "").partition("\n")[0]


_LISTS: dict[str, Callable[[], list[tuple[str, str]]]] = {
    "scenarios": lambda: _files("scenarios", "description"),
    "experiments": lambda: _files("experiments", "question"),
    "sweeps": lambda: _files("sweeps", "question"),
    "agents": _agents,
    "estimators": _estimators,
    "monitors": _monitors,
}
KINDS = tuple(_LISTS)
