"""Small pieces of Markdown that pages made from code share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

__all__ = ["cell", "table", "toctree"]


def cell(text: object) -> str:
    """A text that may stand in a cell of a table, and opens no tag there."""
    return re.sub(r"<(?=[A-Za-z/!])", "&lt;", " ".join(str(text).split()).replace("|", "\\|"))


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table with these column heads; empty text where there are no rows."""
    lines = ["| " + " | ".join(cell(value) for value in row) + " |" for row in rows]
    if not lines:
        return ""
    return "\n".join(["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *lines]) + "\n"


def toctree(names: Iterable[str], caption: str = "") -> str:
    """Pages below this one, shown beside every page and not in its text."""
    head = f":caption: {caption}\n" if caption else ""
    return f"```{{toctree}}\n:hidden:\n{head}\n" + "\n".join(names) + "\n```\n"
