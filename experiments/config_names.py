"""Checks what a schema cannot know: do the agents, estimators, monitors, arms and the world of a study exist?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from rage_env.errors import ConfigError, InputError, did_you_mean
from rage_env.scenario import Scenario, load
from rage_env.yamltree import Json, Path

__all__ = ["ORACLES", "names_and_parameters"]

ORACLES = ("oracle_latent", "oracle_observable")
"""Agents that may look behind the observation; they live in experiments and not in `agents.names()`."""

_Problems = Iterator[tuple[Path, str]]
_NAMED = ("kind", "name")  # keys of an agent that are not parameters


def names_and_parameters(data: Json) -> _Problems:
    """(path, message) for every name that nothing answers to and every parameter its owner refuses."""
    assert isinstance(data, dict)
    yield from _entries(data, "agents", _agent)
    yield from _entries(data, "estimators", _estimator)
    yield from _entries(data, "monitors", _monitor)
    yield from _world(data)


def _listed(data: dict[str, Json], field: str) -> list[Json]:
    entries = data.get(field)
    return entries if isinstance(entries, list) else []


def _entries(data: dict[str, Json], field: str, check: Callable[[Json], _Problems]) -> _Problems:
    for i, entry in enumerate(_listed(data, field)):
        for path, message in check(entry):
            yield (field, i, *path), message


def _kind(entry: Json) -> str | None:
    kind = entry.get("kind") if isinstance(entry, dict) else entry
    return kind if isinstance(kind, str) else None


def _agent(entry: Json) -> _Problems:
    import agents

    kind = _kind(entry)
    known = (*agents.names(), *ORACLES)
    if kind is None or not isinstance(entry, dict):
        return
    if kind not in known:
        yield ("kind",), _unknown("agent", kind, known)
    elif kind not in ORACLES:
        try:
            agents.load(kind, **{key: value for key, value in entry.items() if key not in _NAMED})
        except ConfigError as error:
            yield from (((), problem) for problem in error.problems)


def _estimator(entry: Json) -> _Problems:
    from experiments import estimators

    kind = _kind(entry)
    if kind is not None and kind not in estimators.names():
        yield ("kind",) if isinstance(entry, dict) else (), _unknown("estimator", kind, estimators.names())


def _monitor(entry: Json) -> _Problems:
    from experiments import monitors

    kind = _kind(entry) if isinstance(entry, dict) else None
    if kind is not None and kind not in monitors.names():
        yield ("kind",), _unknown("monitor", kind, monitors.names())


def _world(data: dict[str, Json]) -> _Problems:
    name, overrides = data.get("scenario"), data.get("scenario_overrides") or {}
    if not isinstance(name, str) or not isinstance(overrides, dict):
        return
    try:
        world = load(name, overrides)
    except InputError as error:
        field = "scenario_overrides" if "override: " in str(error) else "scenario"
        yield from (((field,), problem) for problem in str(error).splitlines())
    else:
        yield from _parts_of_the_world(data, world)


def _parts_of_the_world(data: dict[str, Json], world: Scenario) -> _Problems:
    ope = data.get("ope")
    target = ope.get("target") if isinstance(ope, dict) else None
    arm = target.get("arm") if isinstance(target, dict) else None
    if isinstance(arm, str) and arm not in world.arm_names:
        yield ("ope", "target", "arm"), _unknown("arm", arm, world.arm_names)
    metrics = ("value", *(g.name for g in world.guardrails))
    for i, monitor in enumerate(_listed(data, "monitors")):
        metric = monitor.get("metric") if isinstance(monitor, dict) else None
        if isinstance(metric, str) and metric not in metrics:
            yield ("monitors", i, "metric"), _unknown("metric", metric, metrics)


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    names = tuple(known)
    return f"no {what} is called {name!r}{did_you_mean(name, names)} Known: {', '.join(names)}."
