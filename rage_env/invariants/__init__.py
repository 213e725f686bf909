"""What must hold in every world. One invariant is one function, listed in its module's `__all__`.

An invariant takes a Trial and returns nothing, or raises WorldError naming user and week. Adding one is writing it.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable

from rage_env.trial import Trial

__all__ = ["every"]

Invariant = Callable[[Trial], None]


def every() -> dict[str, Invariant]:
    """{name: invariant} of all modules, in alphabetical order of modules."""
    found: dict[str, Invariant] = {}
    for entry in sorted(pkgutil.iter_modules(__path__), key=lambda m: m.name):
        module = importlib.import_module(f"{__name__}.{entry.name}")
        found.update({name: getattr(module, name) for name in module.__all__})
    return found
