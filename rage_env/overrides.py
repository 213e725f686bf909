"""Overrides of a configuration: `agents.0.kind=blanket` strings, and mappings that merge deeply.

An entry of a list is named by its position or, where entries have one, by its `name` or `kind`:
`guardrails.loss_rate.limit=0.003`. A list that is given whole replaces the one that stood there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from rage_env.errors import ConfigError
from rage_env.yamltree import Document, Json, Path, parse_value

__all__ = ["Override", "apply", "lay", "merged"]

Override = str | Mapping[str, object]

_PLACE = "override"


def apply(document: Document, overrides: Iterable[Override]) -> None:
    """Change the document in place, in order; what cannot be applied becomes one of its problems."""
    for override in overrides:
        if isinstance(override, str):
            _assign(document, override)
        else:
            change = plain(override)
            try:
                document.data = merged(document.data, change)
                lay(document, change)
            except ValueError as error:
                document.problems.append((("",), str(error)))
                document.places[("",)] = _PLACE


def merged(base: Json, change: Json, at: Path = ()) -> Json:
    """`change` laid over `base`: mappings merge key by key, also into entries of a list; all else is replaced.

    at: where both stand, for messages. Raises ValueError for an entry that the list lacks.
    """
    if not isinstance(change, dict):
        return change
    if isinstance(base, list) and change and base:
        entries = list(base)
        for key, value in change.items():
            entry = _position(base, key, ".".join(map(str, (*at, key))))
            entries[entry] = merged(entries[entry], value, (*at, key))
        return entries
    if not isinstance(base, dict):
        return change
    return base | {key: merged(base.get(key), value, (*at, key)) for key, value in change.items()}


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


def lay(document: Document, change: Json, place: Callable[[Path], str] = lambda path: _PLACE) -> None:
    """Record where each value of `change`, which the document's data hold already, was written.

    place: of a path inside `change`; says `override` by default.
    """
    _mark(document, document.data, change, (), (), place)


def _mark(document: Document, here: Json, change: Json, path: Path, said: Path, place: Callable[[Path], str]) -> None:
    """here: the data after the change, at `path`; said: the same place as `change` writes it, entries by name."""
    if path:
        document.places[path] = place(said)
    if not isinstance(change, dict):
        _forget_below(document, path)
        return
    for key, inner in change.items():
        if isinstance(here, list):
            at = _position(here, key, key)
            _mark(document, here[at], inner, (*path, at), (*said, key), place)
        elif isinstance(here, dict):
            _mark(document, here[key], inner, (*path, key), (*said, key), place)


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
    for length in range(1, len(path)):
        document.places.setdefault(path[:length], _PLACE)  # mappings that came to be by this override
    document.places[path] = _PLACE


def _set(here: Json, path: Path, value: Json, done: Path) -> tuple[Path, Json]:
    """The path as it stands in the data (list positions as numbers), and a copy of `here` with `value` there."""
    if not path:
        return done, value
    step = str(path[0])
    shown = ".".join(map(str, (*done, step)))
    if isinstance(here, list):
        at = _position(here, step, shown)
        whole, inner = _set(here[at], path[1:], value, (*done, at))
        return whole, [*here[:at], inner, *here[at + 1 :]]
    if here is None or isinstance(here, dict):
        below = here or {}
        whole, inner = _set(below.get(step), path[1:], value, (*done, step))
        return whole, {**below, step: inner}
    raise ValueError(f"{shown}: cannot be set inside {'.'.join(map(str, done))}, which is {here!r}")


def _position(here: list[Json], step: str, shown: str) -> int:
    """Where in the list `step` points: a position, or the name or kind of an entry. Raises ValueError."""
    if step.isdigit() and int(step) < len(here):
        return int(step)
    for field in ("name", "kind"):
        names = [entry.get(field) if isinstance(entry, dict) else None for entry in here]
        if names.count(step) == 1:
            return names.index(step)
    rule = f"use a position from 0 to {len(here) - 1}" if here else "give the whole list"
    known = [_called(entry) for entry in here]
    named = ", ".join(name for name in known if name)
    names_too = f" or a name: {named}" if named and not step.isdigit() else ""
    raise ValueError(f"{shown}: the list has {len(here)} entries; {rule}{names_too}")


def _called(entry: Json) -> str:
    held = (entry.get("name") or entry.get("kind") or "") if isinstance(entry, dict) else ""
    return str(held)
