"""Checks what a schema cannot know: do the agents, estimators, monitors, arms and the world of a study exist?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from experiments.config_ab import ab_problems
from experiments.config_parts import agent_problems, estimator_problems, monitor_problems
from experiments.config_past import past_problems
from experiments.offered import Against
from rage_env.errors import InputError, did_you_mean
from rage_env.scenario import Scenario, load
from rage_env.yamltree import Json, Path

__all__ = ["ORACLES", "names_and_parameters"]

ORACLES = ("oracle_latent", "oracle_observable")
"""Agents that may look behind the observation; they live in experiments and not in `agents.names()`."""

_Problems = Iterator[tuple[Path, str]]
_Check = Callable[[Json, dict[str, Json]], _Problems]  # (an entry, the whole study)
_NAMED = ("kind", "name", "withhold_propensities")  # keys of an agent that are not parameters


def names_and_parameters(data: Json) -> _Problems:
    """(path, message) for every name that nothing answers to and every parameter its owner refuses."""
    assert isinstance(data, dict)
    yield from _entries(data, "agents", _agent)
    yield from _entries(data, "estimators", _estimator)
    yield from _estimators_stand_once(data)
    yield from _entries(data, "monitors", _monitor)
    yield from ab_problems(data)
    yield from past_problems(data)
    yield from _world(data)


def _listed(data: dict[str, Json], field: str) -> list[Json]:
    entries = data.get(field)
    return entries if isinstance(entries, list) else []


def _entries(data: dict[str, Json], field: str, check: _Check) -> _Problems:
    for i, entry in enumerate(_listed(data, field)):
        for path, message in check(entry, data):
            yield (field, i, *path), message


def _kind(entry: Json) -> str | None:
    kind = entry.get("kind") if isinstance(entry, dict) else entry
    return kind if isinstance(kind, str) else None


def _agent(entry: Json, data: dict[str, Json]) -> _Problems:
    import agents

    kind = _kind(entry)
    known = (*agents.names(), *ORACLES)
    if kind is None or not isinstance(entry, dict):
        return
    params = _params(entry, _NAMED)
    if kind not in known:
        yield ("kind",), _unknown("agent", kind, known)
    elif kind not in ORACLES:
        yield from agent_problems(kind, params)
    elif params:
        yield from (((name,), f"agent {kind} takes no parameters; leave it out") for name in params)


def _estimator(entry: Json, data: dict[str, Json]) -> _Problems:
    from experiments import estimators

    kind = _kind(entry)
    if kind is None:
        if isinstance(entry, dict):
            yield (), "lacks `kind`, the estimator's name"
    elif kind not in estimators.names():
        yield ("kind",) if isinstance(entry, dict) else (), _unknown("estimator", kind, estimators.names())
    elif isinstance(entry, str | dict):
        yield from estimator_problems(entry)


def _monitor(entry: Json, data: dict[str, Json]) -> _Problems:
    from experiments import monitors

    kind = _kind(entry) if isinstance(entry, dict) else None
    if kind is None or not isinstance(entry, dict):
        return
    if kind not in monitors.names():
        yield ("kind",), _unknown("monitor", kind, monitors.names())
        return
    weeks, metric = data.get("weeks"), entry.get("metric", "value")
    whole = isinstance(weeks, int) and weeks > 0
    length = weeks if whole and isinstance(weeks, int) else 26
    if isinstance(metric, str):
        against: Against = "groups" if data.get("mode") == "ab" else "paired"
        yield from monitor_problems(kind, metric, _params(entry, (*_NAMED, "metric")), length, against)


def _params(entry: dict[str, Json], named: tuple[str, ...]) -> dict[str, Json]:
    return {key: value for key, value in entry.items() if key not in named}


def _estimators_stand_once(data: dict[str, Json]) -> _Problems:
    """An empty list, and one estimator twice, would only be refused by a run."""
    from experiments.estimators._discovery import label

    listed = data.get("estimators")
    if not isinstance(listed, list):
        return
    if not listed and data.get("mode") != "ab":  # an A/B test has its control to compare with
        yield ("estimators",), "the list is empty; name one, or leave it out for naive, dm, ips, snips, dr"
    labels = [label(e) for e in listed if isinstance(e, str | dict)]
    for twice in sorted({x for x in labels if labels.count(x) > 1}):
        yield ("estimators",), f"{twice} stands there twice; name each once"


def _world(data: dict[str, Json]) -> _Problems:
    name, overrides = data.get("scenario"), data.get("scenario_overrides") or {}
    if not isinstance(name, str) or not isinstance(overrides, dict):
        return
    try:
        world = load(name, overrides)
    except InputError as error:
        yield from map(_in_the_world, str(error).splitlines())
    else:
        yield from _parts_of_the_world(data, world)


def _in_the_world(problem: str) -> tuple[Path, str]:
    """The place in the study of what its world objects to: what an override did wrong stands where it was written."""
    place, colon, rest = problem.partition(": ")
    if place != "override" or not colon:
        return ("scenario",), problem
    path, _, message = rest.partition(": ")
    if not message:
        return ("scenario_overrides",), rest
    return ("scenario_overrides", *(int(p) if p.isdigit() else p for p in path.split("."))), message


def _parts_of_the_world(data: dict[str, Json], world: Scenario) -> _Problems:
    ope = data.get("ope")
    target = ope.get("target") if isinstance(ope, dict) else None
    arm = target.get("arm") if isinstance(target, dict) else None
    if isinstance(arm, str) and arm not in world.arm_names:
        yield ("ope", "target", "arm"), _unknown("arm", arm, world.arm_names)
    metrics = ("value", *(g.name for g in world.guardrails))
    for i, monitor in enumerate(_listed(data, "monitors")):
        metric = monitor.get("metric") if isinstance(monitor, dict) else None
        if isinstance(metric, str) and metric not in metrics and not _watches_the_log(monitor):
            yield ("monitors", i, "metric"), _unknown("metric", metric, metrics)


def _watches_the_log(monitor: Json) -> bool:
    from experiments import monitors

    kind = _kind(monitor)
    return kind in monitors.names() and monitors.monitor_class(str(kind)).reads not in ("means", "ratios")


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    names = tuple(known)
    return f"no {what} is called {name!r}{did_you_mean(name, names)} Known: {', '.join(names)}."
