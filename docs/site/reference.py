"""Pages of the public modules: their docstrings, read by Sphinx when the site is built."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from enum import Enum

from docs.site.markdown import table, toctree
from docs.site.public import GROUPS, public

__all__ = ["pages"]


def pages() -> Iterator[tuple[str, str]]:
    """(name, text) of the page of each public module, and of the one that leads to them."""
    text = ["# Python", "", "Public names. What is not here may change without a word.", ""]
    for group, held in GROUPS.items():
        rows = [(f"[`{module}`]({module}.md)", f"{_about(module)} {_named(module)}") for module in held]
        text += [f"## {group}", "", table(("module", "what it is for"), rows)]
    yield "index.md", "\n".join(text) + "\n" + toctree(module for held in GROUPS.values() for module in held)
    for held in GROUPS.values():
        for module in held:
            yield f"{module}.md", _page(module)


def _page(module: str) -> str:
    held = importlib.import_module(module)
    text = [f"# {module}", "", "```{eval-rst}", f".. automodule:: {module}", "   :no-members:", ""]
    for name in public(module):
        text += [*_directive(f"{module}.{name}", getattr(held, name)), ""]
    return "\n".join([*text, "```", ""])


def _directive(path: str, held: object) -> list[str]:
    if inspect.isclass(held):
        kind = "autoexception" if issubclass(held, BaseException) else "autoclass"
        shown = [":members:", ":member-order: bysource", *([":undoc-members:"] if issubclass(held, Enum) else [])]
        return [f".. {kind}:: {path}", *(f"   {option}" for option in shown)]
    return [f".. {'autofunction' if inspect.isroutine(held) else 'autodata'}:: {path}"]


def _about(module: str) -> str:
    doc = inspect.getdoc(importlib.import_module(module)) or ""
    return " ".join(doc.partition("\n\n")[0].split())


def _named(module: str) -> str:
    return ", ".join(f"`{name}`" for name in public(module))
