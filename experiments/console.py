"""Tables on a terminal, or the same rows as JSON on standard output."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console
from rich.table import Table

__all__ = ["Row", "print_json", "print_rows", "show"]

Row = Mapping[str, object]


def print_rows(rows: Sequence[Row], title: str = "", *, as_json: bool = False) -> None:
    """Rows that share their keys. What does not fit with folded headers either goes on in further blocks."""
    if as_json:
        print_json(list(rows))
        return
    console = Console(highlight=False)
    if title:
        console.print(f"\n{title}", style="bold", markup=False)
    for headers, gap in _blocks(rows, console.width):
        table = Table(box=None, pad_edge=False, header_style="dim", collapse_padding=gap == 1)
        for column, header in headers.items():
            numeric = all(isinstance(r[column], int | float) or r[column] is None for r in rows)
            table.add_column(header, justify="right" if numeric else "left", overflow="fold")
        for row in rows:
            table.add_row(*(_cell(row[c]) for c in headers))
        console.print(table)


def print_json(data: object) -> None:
    """JSON on standard output; what is no number becomes null."""
    print(json.dumps(_finite(data), indent=1))


def show(text: str) -> None:
    """A line for people."""
    Console(highlight=False).print(text, markup=False)


def _blocks(rows: Sequence[Row], width: int) -> Iterator[tuple[dict[str, str], int]]:
    """({column: its header}, gap) of each block: narrower headers and gaps where those let all stand side by side."""
    columns = list(rows[0]) if rows else []
    if not columns:
        return
    whole = {c: c for c in columns}
    cells = _widths(rows, dict.fromkeys(columns, ""))
    folded = {c: _folded(c) if len(c) > cells[c] else c for c in columns}
    for headers, gap in ((whole, 2), (folded, 2), (folded, 1)):
        if sum(_widths(rows, headers).values()) + gap * (len(columns) - 1) <= width:
            yield headers, gap
            return
    wide = _widths(rows, whole)
    first, *rest = columns
    block, used = [first], wide[first]
    for column in rest:
        if used + 2 + wide[column] > width and len(block) > 1:
            yield {c: c for c in block}, 2
            block, used = [first], wide[first]
        block.append(column)
        used += 2 + wide[column]
    yield {c: c for c in block}, 2


def _widths(rows: Sequence[Row], headers: Mapping[str, str]) -> dict[str, int]:
    """Characters that each column takes, at most 60."""
    return {
        c: min(60, max(0, *(len(part) for part in h.split("\n")), *(len(_cell(r[c])) for r in rows)))
        for c, h in headers.items()
    }


def _folded(header: str) -> str:
    """The header in two lines, broken after the space, dot or underscore that leaves the longer line shortest."""
    breaks = [m.end() for m in re.finditer(r"[ ._]", header)]
    if not breaks:
        return header
    at = min(breaks, key=lambda b: max(b, len(header) - b))
    return f"{header[:at].rstrip()}\n{header[at:]}"


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
