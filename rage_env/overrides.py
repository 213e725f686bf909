"""Overrides of a configuration: `agents.0.kind=blanket` strings, and mappings that merge deeply."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rage_env.errors import ConfigError
from rage_env.yamltree import Document, Json, Path, parse_value

__all__ = ["Override", "apply", "merged"]

Override = str | Mapping[str, object]

_PLACE = "override"


def apply(document: Document, overrides: Iterable[Override]) -> None:
    """Change the document in place, in order; what cannot be applied becomes one of its problems."""
    for override in overrides:
        if isinstance(override, str):
            _assign(document, override)
        else:
            document.data = merged(document.data, plain(override))
            _mark(document, plain(override), ())


def merged(base: Json, change: Json) -> Json:
    """`change` laid over `base`: mappings merge key by key, everything else (lists too) is replaced."""
    if not isinstance(base, dict) or not isinstance(change, dict):
        return change
    return base | {key: merged(base.get(key), value) for key, value in change.items()}


def plain(value: object) -> Json:
    """Plain data out of what Python callers pass (tuples, mappings). Raises ConfigError for anything else."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if hasattr(value, "tolist"):  # a NumPy scalar or array
        return plain(value.tolist())
    raise ConfigError(f"override: {value!r} is a {type(value).__name__}; give text, numbers, lists and mappings")


def _mark(document: Document, change: Json, path: Path) -> None:
    if path:
        document.places[path] = _PLACE
    for key, inner in change.items() if isinstance(change, dict) else ():
        _mark(document, inner, (*path, key))
    if not isinstance(change, dict):
        _forget_below(document, path)


def _forget_below(document: Document, path: Path) -> None:
    """What stood under a replaced value no longer has a line of its own."""
    depth = len(path)
    for known in [p for p in document.places if len(p) > depth and p[:depth] == path]:
        del document.places[known]


def _assign(document: Document, text: str) -> None:
    name, equals, right = text.partition("=")
    if not equals or not name.strip():
        rule = "an override is written `dotted.path=value`, e.g. users=2000"
        document.problems.append((("",), f"{text!r}: {rule}"))
        document.places[("",)] = _PLACE
        return
    path: Path = tuple(name.strip().split("."))
    try:
        path, data = _set(document.data, path, parse_value(right), ())
    except ValueError as error:
        path = tuple(name.strip().split("."))
        document.problems.append((path, str(error)))
    else:
        document.data = data
        _forget_below(document, path)
    document.places[path] = _PLACE


def _set(here: Json, path: Path, value: Json, done: Path) -> tuple[Path, Json]:
    """The path as it stands in the data (list positions as numbers), and a copy of `here` with `value` there."""
    if not path:
        return done, value
    step = str(path[0])
    shown = ".".join(map(str, (*done, step)))
    if isinstance(here, list):
        if not step.isdigit() or int(step) >= len(here):
            raise ValueError(f"{shown}: the list has {len(here)} entries; use a position from 0 to {len(here) - 1}")
        at = int(step)
        whole, inner = _set(here[at], path[1:], value, (*done, at))
        return whole, [*here[:at], inner, *here[at + 1 :]]
    if here is None or isinstance(here, dict):
        below = here or {}
        whole, inner = _set(below.get(step), path[1:], value, (*done, step))
        return whole, {**below, step: inner}
    raise ValueError(f"{shown}: cannot be set inside {'.'.join(map(str, done))}, which is {here!r}")
