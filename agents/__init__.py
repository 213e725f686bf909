"""Decisions under guardrails. Sees observations, feedback and guardrails; never the simulator or the truth.

`names()` lists the agents, one module each in agents/policies; `load(name, **params)` makes one. Both are found
by file name, so a new file there is a new agent.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

from rage_env.errors import ConfigError, UnknownNameError

if TYPE_CHECKING:
    from agents.interface import Agent
    from agents.parameters import Configured

__all__ = ["load", "names", "policy"]


def names() -> tuple[str, ...]:
    """Every agent that `load` knows, sorted; nothing of them is imported yet."""
    from agents import policies

    return tuple(sorted(m.name for m in pkgutil.iter_modules(policies.__path__) if not m.name.startswith("_")))


def policy(name: str) -> type[Configured]:
    """The class of that name. Raises UnknownNameError with the nearest name, ConfigError for a module without one."""
    known = names()
    if name not in known:
        raise UnknownNameError("agent", name, known)
    module = importlib.import_module(f"agents.policies.{name}")
    for held in vars(module).values():
        if isinstance(held, type) and held.__module__ == module.__name__ and getattr(held, "name", None) == name:
            return held
    raise ConfigError(
        f"agents/policies/{name}.py: holds no class with name = {name!r}; the name of the file is the name of the agent"
    )


def load(name: str, **params: object) -> Agent:
    """A fresh agent, to be told its problem by `start`.

    params: fields of the agent's own `Params`. Raises UnknownNameError for the name; ConfigError names every
    unknown or unusable parameter at once.
    """
    return policy(name).configured(params)
