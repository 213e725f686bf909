"""104 behavioural features of a bank's customers in seven groups, from kept weekly logs; one group a file.

For data files and risk models. Agents decide on what the world itself shows.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from experiments.behaviour._history import LEAST_WEEKS, Behaviour, History, history_of

__all__ = ["LEAST_WEEKS", "Behaviour", "History", "groups", "history_of"]


@cache
def groups() -> dict[str, tuple[Behaviour, ...]]:
    """{group: its features}, groups by name."""
    found = sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))
    return {name: importlib.import_module(f"{__name__}.{name}").FEATURES for name in found}
