"""Answers `rage config --explain KEY`: what a key is for, what it may hold, and what it holds in one file."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel

from experiments.schemas import Schema, schema
from rage_env.errors import ConfigError, did_you_mean

__all__ = ["Explained", "explain"]

_BOUNDS = {
    "minimum": ">=",
    "exclusiveMinimum": ">",
    "maximum": "<=",
    "exclusiveMaximum": "<",
    "minLength": "length >=",
    "maxLength": "length <=",
    "minItems": "entries >=",
    "maxItems": "entries <=",
    "pattern": "matches",
}
_ELSEWHERE = {"scenario_overrides": "scenarios", "overrides": "experiments"}  # keys that hold another file's keys
_PARTS = ("agents", "monitors", "estimators")


class Explained(dict[str, str]):
    """{what: text} of one key, in the order it is shown."""


def explain(kind: str, key: str, model: BaseModel | None = None, root: Schema | None = None) -> Explained:
    """What is known of a dotted key of that kind of file. model: the file whose value is shown.

    root: the schema of that kind, if it is at hand. Raises ConfigError for a key that is none, with the nearest one.
    """
    steps = [step for step in key.split(".") if step]
    if not steps:
        raise ConfigError("--explain: the key is empty; give one as in --explain oracle.every_weeks")
    if len(steps) > 1 and kind == "experiments" and steps[0] in _PARTS and not steps[1].isdigit():
        return _part(steps[0], steps[1], steps[2:])
    root = schema(kind) if root is None else root
    here, words = root, ""
    for i, step in enumerate(steps):
        if step in _ELSEWHERE and i == 0 and len(steps) > 1:
            return explain(_ELSEWHERE[step], ".".join(steps[1:]))
        here, words = _below(here, root, steps, i)
    found = Explained(key=key)
    if words := here.get("description") or words:
        found["about"] = " ".join(words.split())
    found["holds"] = _type(here, root)
    if bounds := ", ".join(f"{sign} {here[name]}" for name, sign in _BOUNDS.items() if name in here):
        found["bounds"] = bounds
    if "default" in here:
        found["default"] = json.dumps(here["default"])
    if inside := sorted({k for s in _plain(here, root) for k in s.get("properties", {})}):
        found["keys"] = ", ".join(inside)
    if model is not None and (value := _value(model, steps)) is not None:
        found["here"] = value
    return found


def _below(here: Schema, root: Schema, steps: Sequence[str], i: int) -> tuple[Schema, str]:
    """(schema, words) of the next step. A list is stepped into by a position or a name."""
    step, known = steps[i], dict[str, Schema]()
    for option in _plain(here, root):
        if "items" in option:
            return option["items"], ""
        known |= option.get("properties", {})
        if step not in known and isinstance(further := option.get("additionalProperties"), dict):
            return further, ""
        if step in known:
            return known[step], _words(option.get("description", ""), step)
    place = ".".join(steps[:i]) or "the file"
    names = ", ".join(sorted(known)) or "none"
    raise ConfigError(f"--explain: {place} has no key {step!r}{did_you_mean(step, known)} Its keys: {names}.")


def _plain(here: Schema, root: Schema) -> Iterator[Schema]:
    """The alternatives that a schema stands for, references followed."""
    if "$ref" in here:
        yield from _plain(root["$defs"][here["$ref"].rpartition("/")[2]], root)
        return
    options = [o for key in ("anyOf", "oneOf", "allOf") for o in here.get(key, [])]
    if not options:
        yield here
    for option in options:
        yield from _plain(option, root)


def _words(docstring: str, key: str) -> str:
    """What a class's docstring says of one of its keys: `key: words.` up to the next key."""
    match = re.search(
        rf"(?:^|[\s,]){key}(?:, \w+)*: (.+?)(?=(?:\.|;|,)\s+\w+(?:, \w+)*: |\Z)", docstring, flags=re.DOTALL
    )
    return match[1] if match else ""


def _type(here: Schema, root: Schema) -> str:
    found = []
    for option in _plain(here, root):
        if "enum" in option or "const" in option:
            found.append("one of " + ", ".join(map(str, option.get("enum", [option.get("const")]))))
        elif option.get("type") == "array":
            found.append(f"list of {_type(option.get('items', {}), root)}")
        else:
            found.append(
                {"object": "mapping", "null": "nothing"}.get(kind := str(option.get("type", "anything")), kind)
            )
    return " or ".join(dict.fromkeys(found))


def _value(model: BaseModel, steps: Sequence[str]) -> str | None:
    here: Any = model.model_dump(mode="json")  # Any: plain JSON
    for i, step in enumerate(steps):
        if isinstance(here, list):
            named = [e for e in here if isinstance(e, dict) and step in (e.get("name"), e.get("kind"))]
            if not named and not step.isdigit():
                _refuse_unnamed(".".join(steps[:i]), step, here)
            here = here[int(step)] if step.isdigit() and int(step) < len(here) else next(iter(named), None)
        else:
            here = here.get(step) if isinstance(here, dict) else None
    return None if here is None else json.dumps(here)


def _refuse_unnamed(place: str, step: str, entries: Sequence[Any]) -> None:
    names = [str(e[key]) for e in entries if isinstance(e, dict) for key in ("name", "kind") if e.get(key)]
    if names:
        raise ConfigError(
            f"--explain: no entry of {place} is called {step!r}{did_you_mean(step, names)} Here: {', '.join(names)}."
        )


def _part(field: str, kind: str, rest: Sequence[str]) -> Explained:
    """An agent, monitor or estimator: its first sentence, and its parameters with their defaults."""
    from experiments.catalogue import entries

    about = {e.name: e.about for e in entries(field)}
    if kind not in about:
        raise ConfigError(
            f"--explain: no {field[:-1]} is called {kind!r}{did_you_mean(kind, about)} `rage list {field}`"
        )
    params = dict(_params(field, kind))
    if rest and rest[0] not in params:
        known = ", ".join(params) or "none"
        raise ConfigError(
            f"--explain: {kind} has no parameter {rest[0]!r}{did_you_mean(rest[0], params)} Its: {known}."
        )
    found = Explained(key=".".join([field, kind, *rest]), about=about[kind])
    for name, default in params.items():
        if not rest or name == rest[0]:
            found[name] = default
    return found


def _params(field: str, kind: str) -> Iterator[tuple[str, str]]:
    import agents
    from experiments import monitors
    from experiments.estimators._discovery import load

    if field == "agents":
        owner = agents.policy(kind) if kind in agents.names() else None
        holder = getattr(owner, "Params", None)
        if holder is not None:
            for name, info in holder.model_fields.items():
                yield name, f"default {info.default}" if not info.is_required() else "required"
        return
    maker = monitors.monitor_class(kind) if field == "monitors" else type(load([kind])[kind])
    for name, parameter in inspect.signature(maker).parameters.items():
        yield name, "required" if parameter.default is parameter.empty else f"default {parameter.default}"
