"""Figures as Vega-Lite specifications, drawn in the colours of the page; plain data, tested without a browser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from experiments.results import Results

__all__ = ["Spec", "area", "bars", "colour", "draw", "intervals", "layers", "lines", "marks", "palette", "rule"]

Spec = dict[str, Any]  # Any: JSON of Vega-Lite

_COLOURS = ("#2f8fd0", "#e0672a", "#16a37f", "#c76aa6", "#c9921b", "#6fb7e0", "#9467bd", "#a07040")
_QUIET, WRONG = "#8a8f98", "#d1435b"
HEIGHT = 230


def palette(results: Results) -> dict[str, str]:
    """{agent: colour}, the same on every page; whoever does nothing is grey."""
    others = [a for a in results.study.agents if a != results.baseline]
    return {results.baseline: _QUIET, **{a: _COLOURS[i % len(_COLOURS)] for i, a in enumerate(others)}}


def colour(field: str, colours: Mapping[str, str] | None = None, there: Sequence[str] | None = None) -> Spec:
    """Colour by a column; names in `colours` get theirs, of which only those `there` are in the legend."""
    names = [n for n in colours or () if there is None or n in there]
    scale = {"domain": names, "range": [(colours or {})[n] for n in names]} if names else {"range": [*_COLOURS]}
    legend = {"orient": "bottom", "title": None, "columns": 2, "labelLimit": 120, "symbolOpacity": 1}
    return {"field": field, "type": "nominal", "scale": scale, "legend": legend}


def lines(x: str, y: str, by: Spec | None, *, x_title: str = "", y_title: str = "", form: str = "") -> Spec:
    """A line for each colour, with what it is on hovering."""
    encoding = {"x": _axis(x, x_title), "y": _axis(y, y_title, form), **_coloured(by)}
    tips = [_tip(by["field"])] if by else []
    encoding["tooltip"] = [*tips, _tip(x), _tip(y, ".4g")]
    return {"mark": {"type": "line", "point": {"size": 18}, "clip": True}, "encoding": encoding}


def area(x: str, low: str, high: str, by: Spec | None) -> Spec:
    """A shaded band for each colour."""
    return {
        "mark": {"type": "area", "opacity": 0.16, "clip": True},
        "encoding": {
            "x": _axis(x),
            "y": {"field": low, "type": "quantitative"},
            "y2": {"field": high},
            **_coloured(by),
        },
    }


def bars(
    x: str, y: str, by: Spec | None, *, x_title: str = "", form: str = "", order: Sequence[str] | None = None
) -> Spec:
    """Level bars, one a name in y."""
    across = {"field": y, "type": "nominal", "title": None, "sort": [*order] if order else None}
    encoding = {"x": _axis(x, x_title, form), "y": {**across, "axis": {"labelLimit": 170}}, **_coloured(by)}
    encoding["tooltip"] = [_tip(y), _tip(x, ".4g")]
    return {"mark": {"type": "bar"}, "encoding": encoding}


def marks(
    x: str,
    y: str,
    by: Spec | None,
    *,
    shape: str = "circle",
    x_title: str = "",
    y_title: str = "",
    tips: Sequence[str] = (),
) -> Spec:
    """Points; shape `cross` marks what stopped."""
    encoding = {"x": _axis(x, x_title), "y": _axis(y, y_title), **_coloured(by)}
    encoding["tooltip"] = [_tip(t) for t in (*tips, x, y)]
    mark = {
        "type": "point",
        "shape": "M-1,-1L1,1M1,-1L-1,1" if shape == "cross" else shape,
        "size": 90,
        "filled": shape != "cross",
    }
    return {"mark": mark | {"strokeWidth": 2}, "encoding": encoding}


def intervals(low: str, high: str, y: str, by: Spec | None, *, x_title: str = "") -> Spec:
    """A level line from low to high, one a name in y."""
    return {
        "mark": {"type": "rule", "strokeWidth": 3},
        "encoding": {
            "x": _axis(low, x_title), "x2": {"field": high}, **_coloured(by),
            "y": {"field": y, "type": "nominal", "title": None, "sort": None, "axis": {"labelLimit": 170}},
        },
    }  # fmt: skip


def rule(at: float, axis: str = "y", colour: str = _QUIET, *, dashed: bool = True) -> Spec:
    """A line across at a value of an axis."""
    mark = {"type": "rule", "color": colour, "strokeDash": [4, 4] if dashed else [1, 0]}
    return {"data": {"values": [{"at": at}]}, "mark": mark, "encoding": {axis: {"field": "at", "type": "quantitative"}}}


def layers(*specs: Spec, height: int = HEIGHT) -> Spec:
    """Specifications above each other."""
    return {"layer": [*specs], "height": height, "autosize": {"type": "fit-x", "contains": "padding"}}


def draw(table: pd.DataFrame, *specs: Spec, title: str = "", height: int = HEIGHT) -> None:
    """Show the figure, as wide as there is room."""
    if title:
        st.markdown(f"**{title}**")
    st.vega_lite_chart(table, layers(*specs, height=height))


def _axis(field: str, title: str = "", form: str = "") -> Spec:
    axis: Spec = {"format": form} if form else {}
    scale = {"zero": False, "nice": field != "week"}
    return {"field": field, "type": "quantitative", "title": title or None, "axis": axis, "scale": scale}


def _coloured(by: Spec | None) -> Spec:
    return {} if by is None else {"color": by}


def _tip(field: str, form: str = "") -> Spec:
    return {"field": field, **({"format": form, "type": "quantitative"} if form else {"type": "nominal"})}
