"""The page of configuration keys, read off the schemas that editors use and `rage config --explain` answers from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from docs.site.markdown import table
from experiments.explained import explain
from experiments.schemas import MODELS, Schema, schema

__all__ = ["keys_of", "pages"]

_DEEPEST = 3
_MANY = 40


def pages() -> Iterator[tuple[str, str]]:
    """(name, text) of the one page of all kinds of files."""
    text = [_INTRODUCTION]
    for kind in MODELS:
        root = schema(kind)
        about = str(root.get("description", "")).partition("\n\n")[0]
        rows = [(f"`{key}`", *_told(kind, key, root)) for key in keys_of(root)]
        text += [f"## {kind}", "", about, "", table(("key", "holds", "default", "what for"), rows)]
    yield "keys.md", "\n".join(text) + "\n"


def keys_of(root: Schema) -> Iterator[str]:
    """Dotted keys of files with that schema, those of mappings after the mapping; lists are not stepped into."""
    yield from _below(root, root, ())


def _below(here: Mapping[str, Any], root: Schema, path: Sequence[str]) -> Iterator[str]:  # Any: JSON Schema
    properties = _properties(here, root)
    for key, inner in properties.items() if len(properties) <= _MANY else ():
        yield ".".join((*path, key))
        if len(path) + 1 < _DEEPEST:
            yield from _below(inner, root, (*path, key))


def _properties(here: Mapping[str, Any], root: Schema) -> Mapping[str, Any]:  # Any: as above
    if "$ref" in here:
        return _properties(root["$defs"][str(here["$ref"]).rpartition("/")[2]], root)
    found: dict[str, Any] = dict(here.get("properties", {}))
    for option in (o for word in ("anyOf", "oneOf", "allOf") for o in here.get(word, [])):
        found |= _properties(option, root)
    return found


def _told(kind: str, key: str, root: Schema) -> tuple[str, str, str]:
    """What a key holds, what it is if left out, and what it is for."""
    found = explain(kind, key, root=root)
    bounds = f" `{found['bounds']}`" if "bounds" in found else ""
    default = found.get("default", "")
    shown = f"`{default}`" if default and not default.startswith("{") else ""  # of a mapping its keys say it
    return found["holds"] + bounds, shown, found.get("about", "")


_INTRODUCTION = """# Configuration keys

What may stand in a YAML file, by kind. `rage config --explain KEY` says the same in the terminal, and of one file what
it holds; parameters of agents, estimators and monitors are on [their page](parts.md).
"""
