"""One sequential method per file: reads weeks as they pass, may be looked at any time, says what it tests.

A module here is a monitor if it defines the class its file name spells (`naive_z` -> `NaiveZ`).
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil

from experiments.monitors.batch import Batch
from experiments.monitors.boundaries import boundaries
from experiments.monitors.interface import Monitor, MonitorState, Path
from experiments.monitors.planning import Plan, plan
from rage_env.errors import ConfigError, UnknownNameError, did_you_mean

__all__ = [
    "Batch",
    "Monitor",
    "MonitorState",
    "Path",
    "Plan",
    "boundaries",
    "monitor",
    "monitor_class",
    "names",
    "plan",
]


def names() -> tuple[str, ...]:
    """Names of all monitors, in alphabetical order."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(__path__) if _class(m.name) is not None))


def monitor_class(kind: str) -> type[Monitor]:
    """The class behind a name. Raises UnknownNameError naming the nearest."""
    cls = _class(kind) if kind in {m.name for m in pkgutil.iter_modules(__path__)} else None
    if cls is None:
        raise UnknownNameError("monitor", kind, names())
    return cls


def monitor(kind: str, **params: object) -> Monitor:
    """A monitor that has seen nothing yet. Raises UnknownNameError, and ConfigError for parameters it lacks."""
    cls = monitor_class(kind)
    known = inspect.signature(cls).parameters
    unknown = [f"{kind}: no parameter {p!r}{did_you_mean(p, known)} It takes {', '.join(known)}." for p in params]
    foreign = [text for text, p in zip(unknown, params, strict=True) if p not in known]
    missing = [n for n, p in known.items() if p.default is inspect.Parameter.empty and n not in params]
    if foreign or missing:
        raise ConfigError(foreign + [f"{kind}: parameter {n!r} is needed and has no default" for n in missing])
    made: Monitor = cls(**params)
    return made


def _class(name: str) -> type[Monitor] | None:
    module = importlib.import_module(f"{__name__}.{name}")
    found = getattr(module, "".join(part.capitalize() for part in name.split("_")), None)
    return found if inspect.isclass(found) and issubclass(found, Monitor) and found is not Monitor else None
