"""One causal mechanism per file; the file name is its name. Adding one is adding a file.

A module holds PARENTS and GIVES (names of columns), Params (its numbers in a scenario file), `draw` and `mean`; and
INTEGRATED, the columns whose mean is integrated on fixed nodes, where there are any. What else it may hold stands in
rage_env/hooks.py.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from types import ModuleType

from rage_env.errors import ConfigError

__all__ = ["in_order", "module", "names"]


@cache
def names() -> tuple[str, ...]:
    """Names of all mechanisms, sorted."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_")))


@cache
def module(name: str) -> ModuleType:
    """The module of a mechanism; its contract is rage_env.week.Mechanism."""
    return importlib.import_module(f"{__name__}.{name}")


def in_order(used: Mapping[str, object]) -> tuple[str, ...]:
    """The used mechanisms, parents first. Raises ConfigError for a parent that nothing gives, or a circle."""
    giver = {column: name for name in sorted(used) for column in module(name).GIVES}
    revisers: dict[str, list[str]] = {}
    for name in sorted(used):
        for column in getattr(module(name), "REVISES", ()):
            revisers.setdefault(column, []).append(name)
    graph: dict[str, list[str]] = {}
    for name in sorted(used):
        lacking = [p for p in module(name).PARENTS if p not in giver]
        if lacking:
            raise ConfigError(f"mechanism {name} reads {lacking}, which no mechanism of this scenario gives; add one")
        after = [p for p in getattr(module(name), "AFTER", ()) if p in giver]
        revised = getattr(module(name), "REVISES", ())
        read = (*module(name).PARENTS, *after, *(p for p in revised if p in giver))
        before = {giver[p] for p in read} | {r for p in read if p not in revised for r in revisers.get(p, ())}
        graph[name] = sorted(before - {name})
    try:
        return tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise ConfigError(f"mechanisms read each other in a circle: {error.args[1]}") from error
