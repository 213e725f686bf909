"""Checks the parameters of agents, estimators and monitors while a study is loaded, before anything is run.

A monitor is made once with stand-ins for what a run will fill in: its own rules then judge what was written.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping

from experiments.feeds import feed_of, metric_problem
from experiments.monitors.interface import Monitor, Reads
from experiments.offered import Against, offered_for_guardrail, offered_for_value
from rage_env.errors import ConfigError, InputError, did_you_mean
from rage_env.yamltree import Path

__all__ = ["agent_problems", "estimator_problems", "monitor_problems"]

_Problems = Iterator[tuple[Path, str]]


def agent_problems(kind: str, params: Mapping[str, object]) -> _Problems:
    """(path, message) for each parameter that the agent refuses."""
    import agents

    try:
        agents.load(kind, **params)
    except ConfigError as error:
        yield from _placed(error.problems, params, f"agent {kind}: ")


def estimator_problems(spec: str | Mapping[str, object]) -> _Problems:
    """(path, message) for parameters that the estimator refuses."""
    from experiments.estimators._discovery import load

    try:
        load([spec])
    except ConfigError as error:
        kind = spec if isinstance(spec, str) else spec.get("kind")
        yield from _placed(error.problems, {} if isinstance(spec, str) else spec, f"estimator {kind}: ")


def monitor_problems(kind: str, metric: str, params: Mapping[str, object], weeks: int, against: Against) -> _Problems:
    """(path, message) for parameters that the monitor lacks or refuses. weeks: of the study."""
    from experiments import monitors

    maker = monitors.monitor_class(kind)
    known = inspect.signature(maker).parameters
    for name in params:
        if name not in known:
            yield (name,), f"monitor {kind} has no such parameter{did_you_mean(name, known)} Known: {', '.join(known)}."
    if problem := metric_problem(kind, maker.reads, metric, against):
        yield ("metric",) if feed_of(maker.reads).metrics else ("kind",), problem
        return
    filled = _OFFERED[maker.reads](weeks, against)
    required = [n for n, p in known.items() if p.default is inspect.Parameter.empty]
    missing = [n for n in required if n not in filled and n not in params]
    if missing:
        yield (), f"monitor {kind} needs {', '.join(missing)}, which nothing else tells it; write it beside `kind`"
        return
    given = {n: v for n, v in {**filled, **params}.items() if n in known}
    yield from _refused(maker, kind, given, params)


_OFFERED: dict[Reads, Callable[[int, Against], Mapping[str, object]]] = {
    "means": lambda weeks, against: offered_for_value(weeks, against=against),
    "ratios": lambda weeks, against: offered_for_guardrail(weeks=weeks),
    "arms": lambda weeks, against: {"arms": 2},
    "arm_values": lambda weeks, against: {"weeks": max(2, weeks)},
    "events": lambda weeks, against: {"trial": "hazard"},
    "events_by_group": lambda weeks, against: {},
    "inputs": lambda weeks, against: {"edges": [0.0], "turns": weeks},
}
"""Stand-ins for what a run tells its monitors, by what they read."""


def _refused(maker: type[Monitor], kind: str, given: Mapping[str, object], params: Mapping[str, object]) -> _Problems:
    try:
        maker(**given)
    except ConfigError as error:
        yield from _placed(error.problems, params, f"monitor {kind}: ")
    except InputError as error:
        yield from _placed([str(error)], params, f"monitor {kind}: ")
    except (TypeError, ValueError) as error:  # a parameter of the wrong type that the monitor trusted
        yield (), f"monitor {kind}: {', '.join(params)} cannot be used: {error}"


def _placed(problems: Iterable[str], params: Mapping[str, object], owner: str) -> _Problems:
    """Each problem at the parameter it begins with, or at the only one there is; else at the entry itself."""
    own = [p for p in params if p != "kind"]
    for problem in problems:
        text = problem.removeprefix(owner)
        begun = [p for p in own if text.split(":")[0].split(" ")[0].split(".")[0] == p]
        at: Path = (begun[0],) if begun else (own[0],) if len(own) == 1 else ()
        yield at, problem if problem.startswith(owner) else owner + problem
