"""The portfolio: who stays, segment by segment, and on how few the value rests."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from experiments.dashboard import charts
from experiments.dashboard.parts import table, tile, view
from experiments.dashboard.place import Place
from experiments.views import curves, portfolio

TITLE, ORDER, NEEDS_STUDY = "Portfolio", 8, True

_MONEY = dict.fromkeys(("value", "net_revenue", "losses"), "$%.3f") | {
    "present": "percent",
    "offered": "percent",
    "users": "%.0f",
}


def show(place: Place) -> None:
    """The page."""
    agent = place.agent(everybody=True)
    left, right = st.columns(2)
    with left:
        st.subheader("Retention by agent")
        view(place.ask(curves.retention, weekly=True), lambda t: _retention(t, charts.palette(place.results)))
    with right:
        st.subheader("Concentration")
        view(place.ask(portfolio.concentration, agent), _concentration)
    st.subheader("Segments")
    view(place.ask(portfolio.segments, agent), lambda t: _segments(place, agent, t))


def _retention(present: pd.DataFrame, colours: dict[str, str]) -> None:
    by = charts.colour("agent", colours, list(present["agent"]))
    charts.draw(present, charts.lines("week", "present", by, x_title="week", y_title="share still there", form=".0%"))
    table(present, "retention", {"present": "percent"})


def _concentration(curve: pd.DataFrame) -> None:
    even = {
        "data": {"values": [{"p": 0}, {"p": 1}]},
        "mark": {"type": "line", "strokeDash": [4, 4], "color": "#8a8f98"},
        "encoding": {"x": {"field": "p", "type": "quantitative"}, "y": {"field": "p", "type": "quantitative"}},
    }
    line = charts.lines("users", "value", None, x_title="share of users, most valuable first", y_title="share of value")
    line["mark"] = {"type": "line"}
    charts.draw(curve, even, line)
    tenth = float(curve.loc[(curve["users"] - 0.1).abs().idxmin(), "value"])
    left, right = st.columns(2)
    with left:
        tile("Top tenth brings", f"{tenth:.0%}", help="of the value of all users, losses included")
    with right:
        tile("Gini", f"{portfolio.gini(curve):.2f}")
    table(curve, "concentration", dict.fromkeys(("users", "value"), "percent"))


def _segments(place: Place, agent: str, segments: pd.DataFrame) -> None:
    name = st.selectbox("Told apart by", list(segments["segment"].unique()))
    mine = segments[segments["segment"] == name]
    left, right = st.columns(2)
    with left:
        long = mine.melt("code", ["value", "net_revenue", "losses"], "what", "usd")
        bars = charts.bars("usd", "code", charts.colour("what"), x_title="usd per assigned user-week")
        bars["encoding"]["yOffset"] = {"field": "what"}
        charts.draw(long, bars, height=64 * len(mine) + 80)
    with right:
        view(place.ask(portfolio.retained_by_segment, agent, name), _kept)
    table(segments, "segments", _MONEY)


def _kept(present: pd.DataFrame) -> None:
    line = charts.lines(
        "week", "present", charts.colour("code"), x_title="week", y_title="share still there", form=".0%"
    )
    charts.draw(present, line)
