"""Where the numbers of a scenario come from: which of them no entry of `sources` covers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

__all__ = ["UNSOURCED", "uncovered"]

UNSOURCED = ("sources", "name", "description")
"""Parts of a scenario that hold no numbers of the world."""


def uncovered(tree: Mapping[str, Any], sources: Mapping[str, str]) -> list[str]:  # Any: a JSON tree
    """Dotted paths of the numbers in a scenario's tree that neither their own path nor a part of it accounts for."""
    held = {key: child for key, child in tree.items() if key not in UNSOURCED}
    return [path for path in _numbers(held, "") if not _covered(path, sources)]


def _numbers(node: Any, path: str) -> Iterator[str]:  # Any: a JSON tree
    if isinstance(node, Mapping):
        for key, child in node.items():
            yield from _numbers(child, f"{path}.{key}" if path else str(key))
    elif isinstance(node, Sequence) and not isinstance(node, str):
        for i, child in enumerate(node):
            yield from _numbers(child, f"{path}.{i}")
    elif isinstance(node, int | float) and not isinstance(node, bool):
        yield path


def _covered(path: str, sources: Mapping[str, str]) -> bool:
    parts = path.split(".")
    return any(".".join(parts[:i]) in sources for i in range(1, len(parts) + 1))
