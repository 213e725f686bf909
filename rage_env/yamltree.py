"""YAML text to plain data that remembers where each value stood; YAML 1.2 core scalars, nothing executable."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import yaml

__all__ = ["Document", "Json", "Path", "parse", "parse_value"]

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
Path = tuple[str | int, ...]

_TAG = "tag:yaml.org,2002:"
_DEEPEST = 60


@dataclass
class Document:
    """Data with the place each path came from (`file:line` or `override`), and what was wrong so far."""

    name: str
    data: Json
    places: dict[Path, str] = field(default_factory=dict)
    problems: list[tuple[Path, str]] = field(default_factory=list)

    def place(self, path: Path) -> str:
        """Where `path` or its nearest recorded ancestor was written."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, self.name)


class _Loader(yaml.SafeLoader):
    """SafeLoader whose unquoted scalars follow YAML 1.2: `1e-4` is a number; `on`, `no` and dates are text."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  PyYAML's own name and type

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Refuse aliases: a value stands where it is read."""
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]  # untyped in types-PyYAML
            raise yaml.MarkedYAMLError(
                problem=f"alias *{event.anchor}: write the value out", problem_mark=event.start_mark
            )
        return super().compose_node(parent, index)


_SCALARS: tuple[tuple[str, str, str], ...] = (
    ("null", r"(?:~|null|Null|NULL|)$", "~nN\0"),
    ("bool", r"(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("int", r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", "-+0123456789"),
    (
        "float",
        r"(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
        "-+.0123456789",
    ),
)
for _name, _pattern, _first in _SCALARS:
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(_pattern), [c if c != "\0" else "" for c in _first])


def parse(text: str, name: str) -> Document:
    """Data of one YAML document. Syntax errors and repeated keys become problems; the data are what could be read."""
    document = Document(name, {}, {(): f"{name}:1"})
    try:
        node = yaml.compose(text, Loader=_Loader)
        if node is not None:
            document.data = _value(node, (), document)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        document.places[()] = f"{name}:{mark.line + 1 if mark else 1}"
        document.problems.append(((), f"not readable as YAML: {error.problem or error.context}"))
    except yaml.YAMLError as error:
        document.problems.append(((), f"not readable as YAML: {' '.join(str(error).split())}"))
    except RecursionError:
        document.problems.append(((), f"nested deeper than {_DEEPEST} levels"))
    return document


def parse_value(text: str) -> Json:
    """One value as it may stand right of `key=`. Raises ValueError."""
    document = parse(text, "value")
    if document.problems:
        raise ValueError(document.problems[0][1])
    return document.data if text.strip() else None


def _value(node: yaml.Node, path: Path, document: Document) -> Json:
    document.places[path] = f"{document.name}:{node.start_mark.line + 1}"
    if len(path) > _DEEPEST:
        raise RecursionError
    if not isinstance(node, yaml.ScalarNode) and node.tag.removeprefix(_TAG) not in ("map", "seq"):
        document.problems.append((path, f"the tag {node.tag} is not read; use plain text, numbers, lists and mappings"))
        return None
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, document)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*path, i), document) for i, item in enumerate(node.value)]
    try:
        return _scalar(node.tag.removeprefix(_TAG), node.value)
    except (KeyError, ValueError):
        document.problems.append((path, f"{node.value!r} cannot be read as {node.tag}; use plain text and numbers"))
        return None


def _mapping(node: yaml.MappingNode, path: Path, document: Document) -> dict[str, Json]:
    out: dict[str, Json] = {}
    first: dict[str, int] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            document.problems.append((path, f"line {line}: a key must be plain text"))
            continue
        key = key_node.value
        below = (*path, key)
        if key in out:
            document.problems.append((below, f"this key is written twice, on lines {first[key]} and {line}"))
            continue
        first[key] = line
        out[key] = _value(value_node, below, document)
        document.places[below] = f"{document.name}:{line}"
    return out


def _scalar(tag: str, text: str) -> Json:
    plain: Mapping[str, Json] = {"null": None, "bool": text.lower() == "true", "str": text}
    if tag == "int":
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
    if tag == "float":
        low = text.lower()
        return float(low.replace(".", "") if low.endswith(("inf", "nan")) else low)
    return plain[tag]
