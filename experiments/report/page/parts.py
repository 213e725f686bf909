"""What sections of the page are made of: figures side by side, legends, tables, and what to run where data lack."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

import pandas as pd

from experiments.report.page.svg import Panel
from experiments.results import Results
from experiments.views.view import View

__all__ = ["Section", "colours", "definitions", "figures", "legend", "section", "table"]

COLOURS = 8


@dataclass(frozen=True)
class Section:
    """One part of the page. lead: how to read it, plain text; body: HTML."""

    key: str
    title: str
    lead: str
    body: str


def section(key: str, title: str, lead: str, view: View, draw: Callable[[pd.DataFrame], str]) -> Section:
    """The section of a view: drawn with its note below, or in words what to run to get it."""
    if not view.here:
        words = re.sub("`([^`]+)`", r"<code>\1</code>", escape(view.missing))
        return Section(key, title, lead, f'<p class="missing">{words}</p>')
    note = f'<p class="note">{escape(view.note)}</p>' if view.note else ""
    return Section(key, title, lead, draw(view.table) + note)


def colours(results: Results) -> dict[str, str]:
    """{agent: CSS class}; whoever does nothing is quiet."""
    others = [a for a in results.study.agents if a != results.baseline]
    return {results.baseline: "q", **{a: f"c{i % COLOURS}" for i, a in enumerate(others)}}


def figures(panels: Iterable[Panel]) -> str:
    """Panels beside each other where there is room, below each other on a phone."""
    return f'<div class="figures">{"".join(f"<figure>{p.svg()}</figure>" for p in panels)}</div>'


def legend(entries: Mapping[str, str]) -> str:
    """{name: CSS class} as coloured keys."""
    keys = "".join(f'<span><i class="{css}"></i>{escape(name)}</span>' for name, css in entries.items())
    return f'<p class="legend">{keys}</p>'


def table(
    rows: pd.DataFrame,
    forms: Mapping[str, str] | None = None,
    names: Mapping[str, str] | None = None,
    heat: Sequence[str] = (),
) -> str:
    """A table that scrolls by itself. forms: {column: format}; names: {column: heading}; heat: shares, shaded."""
    forms, names = forms or {}, names or {}
    words = {c for c in rows.columns if not pd.api.types.is_numeric_dtype(rows[c])}
    head = "".join(f"<th{_left(c in words)}>{escape(names.get(c, c.replace('_', ' ')))}</th>" for c in rows.columns)
    body = "".join(
        f"<tr>{''.join(_cell(line[c], forms.get(c, ''), c in heat) for c in rows.columns)}</tr>"
        for line in rows.to_dict("records")
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def definitions(pairs: Iterable[tuple[str, str]]) -> str:
    """Headings with their text."""
    return f"<dl>{''.join(f'<dt>{escape(k)}</dt><dd>{escape(v)}</dd>' for k, v in pairs)}</dl>"


def _cell(held: object, form: str, heat: bool) -> str:
    number = isinstance(held, int | float) and not isinstance(held, bool)
    shade = f' style="--h:{min(max(float(str(held)), 0), 1):.2f}"' if heat and number else ""
    css = ' class="h"' if shade else "" if number else ' class="w"'
    return f"<td{css}{shade}>{escape(_text(held, form))}</td>"


def _left(words: bool) -> str:
    return ' class="w"' if words else ""


def _text(held: object, form: str) -> str:
    if held is None or held is pd.NA or (isinstance(held, float) and math.isnan(held)):
        return "-"
    if isinstance(held, bool):
        return "yes" if held else "no"
    if isinstance(held, int | float):
        return format(held, form or (",.4g" if isinstance(held, float) else ","))
    return str(held)
