"""Tables on a terminal, or the same rows as JSON on standard output."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console
from rich.table import Table

__all__ = ["Row", "print_json", "print_rows", "show"]

Row = Mapping[str, object]


def print_rows(rows: Sequence[Row], title: str = "", *, as_json: bool = False) -> None:
    """Rows that share their keys. On a narrow terminal columns continue in further blocks below the first column."""
    if as_json:
        print_json(list(rows))
        return
    console = Console(highlight=False)
    if title:
        console.print(f"\n{title}", style="bold", markup=False)
    for columns in _blocks(rows, console.width):
        table = Table(box=None, pad_edge=False, header_style="dim")
        for column in columns:
            numeric = all(isinstance(r[column], int | float) or r[column] is None for r in rows)
            table.add_column(column, justify="right" if numeric else "left", overflow="fold")
        for row in rows:
            table.add_row(*(_cell(row[c]) for c in columns))
        console.print(table)


def print_json(data: object) -> None:
    """JSON on standard output; what is no number becomes null."""
    print(json.dumps(_finite(data), indent=1))


def show(text: str) -> None:
    """A line for people."""
    Console(highlight=False).print(text, markup=False)


def _blocks(rows: Sequence[Row], width: int) -> Iterator[list[str]]:
    columns = list(rows[0]) if rows else []
    if not columns:
        return
    wide = {c: min(60, max(len(c), *(len(_cell(r[c])) for r in rows))) + 2 for c in columns}
    first, *rest = columns
    block, used = [first], wide[first]
    for column in rest:
        if used + wide[column] > width and len(block) > 1:
            yield block
            block, used = [first], wide[first]
        block.append(column)
        used += wide[column]
    yield block


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _finite(data: object) -> object:
    if isinstance(data, Mapping):
        return {str(k): _finite(v) for k, v in data.items()}
    if isinstance(data, Sequence) and not isinstance(data, str):
        return [_finite(v) for v in data]
    if hasattr(data, "tolist"):  # a NumPy scalar or array
        return _finite(data.tolist())
    return None if isinstance(data, float) and not math.isfinite(data) else data
