"""Scenario files that build on another: `extends: fintech` takes every number of fintech that the file does not state.

What the file states is laid over its base as overrides are (mappings merge, lists replace, entries of a list by name).
A base vouches for its own numbers alone: those that the file states need sources of the file's own.
"""

from __future__ import annotations

from pathlib import Path as FilePath

from rage_env import configs, yamlfile
from rage_env.errors import InputError
from rage_env.overrides import lay, merged
from rage_env.scenario_sources import uncovered
from rage_env.yamltree import Document, Json, Path, parse

__all__ = ["read"]

_KEY = "extends"
_OWN = ("name", "description")


def read(path: FilePath, below: tuple[FilePath, ...] = ()) -> Document:
    """The file with its base, and the base's base, worked in; what is wrong with them becomes its problems.

    below: files that build on this one. Raises ConfigError for a file that cannot be read.
    """
    document = parse(yamlfile.read(path), str(path))
    data = document.data
    if not isinstance(data, dict) or _KEY not in data:
        return document
    base = data.pop(_KEY)
    try:
        return _on(_base(base, path, (*below, path)), document)
    except InputError as error:
        document.problems.append(((_KEY,), str(error)))
        return document


def _base(name: object, path: FilePath, files: tuple[FilePath, ...]) -> Document:
    """The base that this file names. Raises InputError where there is none, or where it builds on this file."""
    if not isinstance(name, str) or not name.strip():
        raise InputError(f"must be the name of a shipped scenario or a YAML file; got {name!r}")
    found = configs.find("scenarios", name)
    if found == FilePath(name):  # a path stands as seen from the file that writes it
        found = path.parent / found
    if found.resolve() in [file.resolve() for file in files]:
        way = " -> ".join([*(file.stem for file in files), found.stem])
        raise InputError(f"{way} is a circle; one of these files must stand on its own")
    return read(found, files)


def _on(base: Document, document: Document) -> Document:
    """`base` with what `document` states laid over it, each value with the line it was written on."""
    change = document.data
    assert isinstance(change, dict)
    own = _lacking(change)
    problems = [*base.problems, *document.problems, *own]
    try:
        data = merged(base.data, change)
    except ValueError as error:
        return Document(document.name, base.data, {(): document.place(())}, [*problems, ((), str(error))])
    whole = Document(document.name, data, dict(base.places), problems)
    try:
        lay(whole, change, document.place)
    except ValueError as error:  # an entry that was found by its name has lost it
        whole.problems.append(((), str(error)))
    whole.places.update(document.places)
    whole.places.update({path: document.place(path) for path, _ in own})
    return whole


def _lacking(change: dict[str, Json]) -> list[tuple[Path, str]]:
    """(path, message) for what a file must say itself, whatever its base says."""
    sources = change.get("sources")
    held = {str(key): "" for key in sources} if isinstance(sources, dict) else {}
    told = "no source of this file covers the number {} (write one, or 'assumed')"
    return [
        *(((key,), "a world that extends another must say its own") for key in _OWN if key not in change),
        *((("sources",), told.format(number)) for number in uncovered(change, held)),
    ]
