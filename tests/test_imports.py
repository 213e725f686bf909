"""Imports point one way, and each heavy library has one door. The table is read off the source, line by line."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OURS = ("rage_env", "agents", "experiments")

AGENTS_MAY = tuple(f"rage_env.{m}" for m in ("interface", "guardrails", "log", "outcomes", "errors", "randomness"))
DOORS = {
    "cvxpy": "agents.allocation",
    "torch": "agents.beliefs.neural",
    "vowpalwabbit": "agents.beliefs.vw",
    "mlflow": "experiments.tracking",
    "ray": "experiments.executor",
    "streamlit": "experiments.dashboard",
    "matplotlib": "experiments.report",
    "confluent_kafka": "experiments.kafka",
    "stable_baselines3": "rage_env.sb3",
    "numba": "rage_env.kernels",
}
APART = ("experiments.estimators", "experiments.monitors")
NOT_FOR_THOSE_APART = ("agents", "rage_env.truth", "experiments.tracking")


def inside(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def imported(source: str, module: str, *, is_package: bool = False) -> Iterator[str]:
    """Full names of what the source imports, `from a import b` as `a.b`; relative ones resolved."""
    here = module.split(".") if is_package else module.split(".")[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join([*here[: len(here) - node.level + 1], *([node.module] if node.module else [])])
            base = base if node.level else str(node.module)
            yield from (f"{base}.{alias.name}" for alias in node.names)


def offences(source: str, module: str, *, is_package: bool = False) -> list[str]:
    """Every import of the source that the table forbids to this module."""
    return [
        f"{module} imports {name}: {rule}"
        for name in imported(source, module, is_package=is_package)
        for rule in broken_rules(module, name)
    ]


def broken_rules(module: str, name: str) -> Iterator[str]:
    if inside(module, "rage_env") and (inside(name, "agents") or inside(name, "experiments")):
        yield "the world does not know that anybody learns"
    if inside(module, "agents") and inside(name, "experiments"):
        yield "agents come before experiments"
    if inside(module, "agents") and inside(name, "rage_env") and not any(inside(name, m) for m in AGENTS_MAY):
        yield "agents see only what passes between world and agents"
    if any(inside(module, a) for a in APART) and any(inside(name, f) for f in NOT_FOR_THOSE_APART):
        yield "estimators and monitors know neither agents nor truth nor tracking"
    for library, door in DOORS.items():
        if inside(name, library) and not inside(module, door):
            yield f"{library} is imported in {door} only"


def modules() -> Iterator[tuple[str, Path]]:
    for package in OURS:
        for file in sorted((ROOT / package).rglob("*.py")):
            parts = file.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), file


def test_no_module_imports_what_the_table_forbids() -> None:
    found = [
        offence
        for module, file in modules()
        for offence in offences(file.read_text(encoding="utf-8"), module, is_package=file.name == "__init__.py")
    ]
    assert found == []


FORBIDDEN = [
    ("rage_env.world", "import agents"),
    ("rage_env.world", "from agents.interface import Agent"),
    ("rage_env.checks", "def f():\n    from experiments import run"),
    ("agents.policies.x", "from experiments.oracle import Oracle"),
    ("agents.policies.x", "from rage_env import truth"),
    ("agents.policies.x", "from rage_env.truth import Truth"),
    ("agents.policies.x", "import rage_env.cohort"),
    ("agents.policies.x", "from rage_env import *"),
    ("agents.policies.x", "import rage_env"),
    ("agents.beliefs.x", "from ...rage_env import world"),
    ("experiments.estimators.x", "import agents.interface"),
    ("experiments.estimators.x", "from rage_env.truth import Truth"),
    ("experiments.estimators.x", "from rage_env import truth"),
    ("experiments.estimators.x", "from .. import tracking"),
    ("experiments.monitors.x", "from experiments.tracking import track"),
    ("experiments.monitors.x", "from agents import load"),
    *((module, f"import {library}") for library in DOORS for module in ("rage_env.world", "experiments.cli")),
    *((module, f"def f():\n    from {library}.x import y") for library in DOORS for module in ("agents.policies.x",)),
    ("agents.policies.allocation", "import cvxpy"),
]


@pytest.mark.parametrize(("module", "source"), FORBIDDEN)
def test_a_forbidden_import_cannot_slip_through_the_table(module: str, source: str) -> None:
    assert offences(source, module)


ALLOWED = [
    ("agents.policies.x", "from rage_env.interface import Observation"),
    ("agents.policies.x", "from rage_env import errors"),
    ("agents.allocation.dual", "import cvxpy as cp"),
    ("experiments.cli", "from experiments import tracking\nimport agents, rage_env"),
    ("experiments.tracking", "import mlflow.tracking"),
    ("experiments.estimators.ips", "from experiments.estimators._base import Estimator"),
    ("experiments.monitors.x", "from rage_env.errors import LogError"),
    ("rage_env.rayleigh", "import raylib"),
]


@pytest.mark.parametrize(("module", "source"), ALLOWED)
def test_the_table_leaves_allowed_imports_alone(module: str, source: str) -> None:
    assert offences(source, module) == []


def test_relative_imports_are_resolved_before_they_are_judged() -> None:
    assert list(imported("from . import b\nfrom .c import d\nfrom ..e import f", "p.q.m")) == [
        "p.q.b",
        "p.q.c.d",
        "p.e.f",
    ]
    assert list(imported("from . import b", "p.q", is_package=True)) == ["p.q.b"]


def test_importing_the_command_line_the_agents_and_the_statistics_loads_no_heavy_library() -> None:
    probe = (
        "import sys, rage_env, agents, experiments, experiments.cli, experiments.estimators, experiments.monitors\n"
        f"print([m for m in {sorted(DOORS)!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
