"""Reads `key=value` texts as the parameters of a policy."""

from __future__ import annotations

from collections.abc import Iterable

from rage_env.errors import ConfigError
from rage_env.overrides import apply
from rage_env.yamltree import Document

__all__ = ["parsed"]


def parsed(texts: Iterable[str]) -> dict[str, object]:
    """{parameter: value}; dotted names nest. Raises ConfigError for a text that is no `key=value`."""
    document = Document("--param", {})
    apply(document, texts)
    if document.problems:
        raise ConfigError([f"--param: {text}" for _, text in document.problems])
    assert isinstance(document.data, dict)
    return dict(document.data)
