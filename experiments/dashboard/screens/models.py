"""How good uplift and risk models are: Qini, calibration, drivers, drift."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from experiments.dashboard import charts
from experiments.dashboard.parts import table, tile, view
from experiments.dashboard.place import Place
from experiments.views import models, targeting

TITLE, ORDER, NEEDS_STUDY = "Models", 7, True

_ORDERS = {
    "uplift (true)": "#16a37f",
    "believed uplift": "#2f8fd0",
    "how likely it offers": "#2f8fd0",
    "propensity": "#e0672a",
    "random": "#8a8f98",
}


def show(place: Place) -> None:
    """The page."""
    agent = place.agent(believing=True)
    st.subheader("Whom to target first")
    view(place.ask(targeting.curves, agent), _curves)
    st.subheader("Promised and true")
    view(place.ask(models.calibration, agent), _calibration)
    left, right = st.columns(2)
    with left:
        st.subheader("Week by week")
        view(place.ask(models.fit_by_week, agent), _weeks)
    with right:
        st.subheader("Spread of true uplift")
        view(place.ask(targeting.spread_of_uplift, agent), _spread)
    left, right = st.columns(2)
    with left:
        st.subheader("Drivers")
        view(place.ask(models.drivers, agent), _drivers)
    with right:
        st.subheader("Drift of inputs")
        view(place.ask(models.drift, agent), _drift)


def _curves(curves: pd.DataFrame) -> None:
    areas = targeting.qini(curves)
    for column, row in zip(st.columns(len(areas)), areas.to_dict("records"), strict=True):
        with column:
            tile(f"Qini, {row['order']}", f"{row['qini']:.4f}", f"{row['of_best']:.0%} of the best")
    by = charts.colour("order", _ORDERS, list(curves["order"]))
    line = charts.lines("share", "gain", by, x_title="share targeted", y_title="usd per user-week")
    charts.draw(curves, charts.rule(0), line)
    table(areas, "qini", {"qini": "%.4f", "of_best": "percent"})


def _calibration(bands: pd.DataFrame) -> None:
    kinds = list(bands["model"].unique())
    for column, model in zip(st.columns(len(kinds)), kinds, strict=True):
        mine = bands[bands["model"] == model]
        ends = [float(mine[["predicted", "true"]].min().min()), float(mine[["predicted", "true"]].max().max())]
        diagonal = {
            "data": {"values": [{"p": e} for e in ends]},
            "mark": {"type": "line", "strokeDash": [4, 4], "color": "#8a8f98"},
            "encoding": {"x": {"field": "p", "type": "quantitative"}, "y": {"field": "p", "type": "quantitative"}},
        }
        with column:
            line = charts.lines("predicted", "true", None, x_title="predicted, usd", y_title="true, usd")
            charts.draw(mine, diagonal, line, title=f"{model.capitalize()}, by tenths of its prediction")
    table(bands, "calibration", {"predicted": "$%.4f", "true": "$%.4f"})


def _weeks(weeks: pd.DataFrame) -> None:
    long = weeks.melt("week", ["uplift", "risk"], "model", "rank correlation")
    line = charts.lines(
        "week", "rank correlation", charts.colour("model"), x_title="week", y_title="rank correlation with the truth"
    )
    charts.draw(long, charts.rule(0), line)
    table(weeks, "fit-by-week", dict.fromkeys(("uplift", "risk", "promised", "true"), "%.3f"))


def _spread(spread: pd.DataFrame) -> None:
    mark = {
        "mark": {"type": "bar", "opacity": 0.6},
        "encoding": {
            "x": {"field": "left", "type": "quantitative", "title": "usd per user-week", "bin": {"binned": True}},
            "x2": {"field": "right"},
            "y": {
                "field": "share",
                "type": "quantitative",
                "title": "share of user-weeks",
                "stack": None,
                "axis": {"format": ".0%"},
            },
            "color": charts.colour("group"),
        },
    }
    charts.draw(spread, mark)
    table(spread, "uplift", {"share": "percent"})


def _drivers(drivers: pd.DataFrame) -> None:
    top = drivers.head(12)
    long = top.melt("feature", ["own", "true"], "of", "correlation")
    bars = charts.bars(
        "correlation", "feature", charts.colour("of"), x_title="rank correlation", order=list(top["feature"])
    )
    bars["encoding"]["yOffset"] = {"field": "of"}
    charts.draw(long, bars, height=30 * len(top) + 80)
    table(drivers, "drivers", {"own": "%.2f", "true": "%.2f"})


def _drift(drift: pd.DataFrame) -> None:
    last = drift[drift["week"] == drift["week"].max()].sort_values("psi", ascending=False).head(12)
    by = charts.colour("feature", dict.fromkeys(last["feature"], "#2f8fd0")) | {"legend": None}
    bars = charts.bars(
        "psi", "feature", by, x_title="stability index, last week against first", order=list(last["feature"])
    )
    charts.draw(
        last, bars, charts.rule(0.1, "x"), charts.rule(0.25, "x", colour=charts.WRONG), height=30 * len(last) + 80
    )
    table(drift, "drift", {"psi": "%.3f"})
