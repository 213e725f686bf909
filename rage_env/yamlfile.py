"""Strict configuration: YAML text and overrides to a frozen pydantic model, with every problem told at once.

A problem is one line, `file:line: dotted.path: message`; what came from an override says `override` for its place.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path as FilePath
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from rage_env.config_text import read
from rage_env.errors import ConfigError, did_you_mean
from rage_env.overrides import Override, apply
from rage_env.yamltree import Document, Json, Path, parse

__all__ = ["Check", "Override", "canonical", "changed", "config_hash", "load", "load_text", "read", "validate"]

M = TypeVar("M", bound=BaseModel)
Check = Callable[[Json], Iterable[tuple[Path, str]]]
"""Further rules: reads the data and yields (path, message) for what breaks them, whatever the schema says."""
Schema = dict[str, Any]  # Any: JSON Schema is plain JSON of any depth


def load(
    model_class: type[M], path: str | FilePath, overrides: Iterable[Override] = (), check: Check | None = None
) -> M:
    """The file at `path` as a model. overrides: `"a.b=c"` strings and mappings that merge deeply (lists replace).

    Raises ConfigError with all problems, or naming the missing file and those near it.
    """
    return load_text(model_class, read(path), str(path), overrides, check)


def load_text(
    model_class: type[M],
    text: str,
    name: str = "<text>",
    overrides: Iterable[Override] = (),
    check: Check | None = None,
) -> M:
    """The same for YAML that is already in memory; `name` stands for the file in messages."""
    return changed(model_class, parse(text, name), overrides, check)


def changed(
    model_class: type[M], document: Document, overrides: Override | Iterable[Override] = (), check: Check | None = None
) -> M:
    """The same for a document that was already parsed; the overrides go into it."""
    apply(document, [overrides] if isinstance(overrides, str | Mapping) else overrides)
    return validate(model_class, document, check)


def validate(model_class: type[M], document: Document, check: Check | None = None) -> M:
    """The document as a model. Raises ConfigError with what parsing, overrides, schema and `check` object to."""
    problems = list(document.problems)
    unreadable = not document.data and any(path == () for path, _ in problems)
    if not isinstance(document.data, dict):
        problems.append(((), f"must hold `key: value` lines, got a {type(document.data).__name__}"))
    elif not unreadable:
        problems.extend(_not_finite(document.data, ()))
        problems.extend(check(document.data) if check else ())
        try:
            model = model_class.model_validate_json(json.dumps(document.data))
            if not problems:
                return model
        except ValidationError as error:
            problems.extend(_objections(error, model_class, document.data))
    raise ConfigError([_line(document, path, message) for path, message in _in_order(document, problems)])


def canonical(model: BaseModel, exclude: Collection[str] = ()) -> str:
    """JSON of every field, defaults included, keys sorted: equal models give equal text."""
    fields = model.model_dump(mode="json", exclude=set(exclude))
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def config_hash(model: BaseModel, exclude: Collection[str] = ()) -> str:
    """sha256 of the canonical JSON, as 64 hexadecimal digits. exclude: fields that do not change results."""
    return hashlib.sha256(canonical(model, exclude).encode()).hexdigest()


def _not_finite(data: Json, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(data, dict):
        for key, inner in data.items():
            yield from _not_finite(inner, (*path, key))
    elif isinstance(data, list):
        for i, inner in enumerate(data):
            yield from _not_finite(inner, (*path, i))
    elif isinstance(data, float) and not math.isfinite(data):
        yield path, f"must be a finite number, got {data}"


def _in_order(document: Document, problems: list[tuple[Path, str]]) -> list[tuple[Path, str]]:
    def key(problem: tuple[Path, str]) -> tuple[bool, int]:
        line = document.place(problem[0]).rpartition(":")[2]
        return (not line.isdigit(), int(line) if line.isdigit() else 0)

    return sorted(dict.fromkeys(problems), key=key)


def _line(document: Document, path: Path, message: str) -> str:
    parts = [document.place(path), ".".join(map(str, path)), message]
    return ": ".join(p for p in parts if p)


def _objections(error: ValidationError, model_class: type[BaseModel], data: Json) -> Iterator[tuple[Path, str]]:
    schema: Schema | None = None
    for item in error.errors(include_url=False):
        path = _path(item["loc"], data, missing=item["type"] == "missing")
        if item["type"] == "missing":
            yield path, "is required and missing"
        elif item["type"] == "extra_forbidden":
            schema = schema or model_class.model_json_schema()
            yield path, f"unknown key{did_you_mean(str(path[-1]), _keys_at(schema, path[:-1], data))}"
        else:
            yield path, _message(item["type"], item["msg"], item["input"], item.get("ctx", {}))


def _message(kind: str, message: str, held: object, facts: Mapping[str, object]) -> str:
    if kind in ("value_error", "assertion_error"):
        return message.partition(", ")[2] or message
    if kind in ("too_short", "too_long"):
        bound = f"at least {facts['min_length']}" if kind == "too_short" else f"at most {facts['max_length']}"
        return f"needs {bound} entries; has {facts['actual_length']}"
    text = message[:1].lower() + message[1:]
    shown = json.dumps(held) if isinstance(held, str | int | float | bool) or held is None else ""
    return f"{text}; got {shown[:80]}" if shown else text


def _path(loc: tuple[str | int, ...], data: Json, *, missing: bool) -> Path:
    """The part of pydantic's location that stands in the data: names of union members are left out."""
    path: list[str | int] = []
    here: Json = data
    tagged = False
    for at, step in enumerate(loc):
        last = at == len(loc) - 1
        if isinstance(here, dict) and step == here.get("kind") and not tagged and not (missing and last):
            tagged = True
        elif isinstance(here, dict) and step in here:
            here, tagged = here[str(step)], False
            path.append(step)
        elif isinstance(here, list) and isinstance(step, int) and step < len(here):
            here, tagged = here[step], False
            path.append(step)
        elif missing and last:
            path.append(step)
    return tuple(path)


def _keys_at(schema: Schema, path: Path, data: Json) -> set[str]:
    """Keys the schema knows at `path`; where alternatives differ by `kind`, those of the kind that was written."""
    here, found = data, _alternatives(schema, schema, data)
    for step in path:
        if isinstance(here, dict):
            here = here[str(step)]
        elif isinstance(here, list):
            here = here[int(step)]
        found = [a for s in found for below in _below(s, step) for a in _alternatives(below, schema, here)]
    return {key for s in found for key in s.get("properties", {})}


def _below(schema: Schema, step: str | int) -> list[Schema]:
    if isinstance(step, int):
        prefix = schema.get("prefixItems", [])
        inner = prefix[step] if step < len(prefix) else schema.get("items")
    else:
        inner = schema.get("properties", {}).get(step, schema.get("additionalProperties"))
    return [inner] if isinstance(inner, dict) else []


def _alternatives(schema: Schema, root: Schema, here: Json) -> list[Schema]:
    if "$ref" in schema:
        return _alternatives(root["$defs"][schema["$ref"].rpartition("/")[2]], root, here)
    options = [o for key in ("anyOf", "oneOf", "allOf") for o in schema.get(key, [])]
    if not options:
        return [schema]
    found = [a for option in options for a in _alternatives(option, root, here)]
    kind = here.get("kind") if isinstance(here, dict) else None
    written = [s for s in found if s.get("properties", {}).get("kind", {}).get("const", object()) == kind]
    return written or found
