"""Sequential tests week by week, where they stopped, and whether they were right."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from experiments.dashboard import charts
from experiments.dashboard.parts import table, view
from experiments.dashboard.place import Place
from experiments.views import monitors

TITLE, ORDER, NEEDS_STUDY = "A/B monitor", 3, True

_MARKS = {
    "right": "#16a37f",
    "rightly silent": "#8fd3bf",
    "wrong": charts.WRONG,
    "missed": "#e0672a",
    "too close to mark": "#c9921b",
    "no call": "#8a8f98",
}


def show(place: Place) -> None:
    """The page."""
    ab = "verdicts" in place.results.run_tables
    st.caption(
        "One population shared out among agents: groups against the control."
        if ab
        else "Paired runs: each agent's users against the same lives left alone."
    )
    view(place.ask(monitors.paths), _paths)
    st.subheader("Verdicts beside the truth")
    view(place.ask(monitors.verdicts), _verdicts)


def _paths(paths: pd.DataFrame) -> None:
    left, right = st.columns(2)
    monitor = left.selectbox("Monitor", list(paths["monitor"].unique()))
    mine = paths[paths["monitor"] == monitor]
    agent = right.selectbox("Group", list(mine["agent"].unique()))
    mine = mine[mine["agent"] == agent]
    seeds = list(mine["seed"].unique())
    mine = mine[mine["seed"].isin(seeds[:12])].assign(seed=mine["seed"].astype(str))
    left, right = st.columns(2)
    with left:
        _estimates(mine)
    with right:
        _strength(mine)
    if len(seeds) > 12:
        st.caption(f"12 of {len(seeds)} seeds are drawn; the table below has all.")
    table(
        mine,
        f"monitor-{monitor}-{agent}",
        dict.fromkeys(("estimate", "lower", "upper", "z", "boundary", "log_e"), "%.4g"),
    )


def _estimates(path: pd.DataFrame) -> None:
    by = charts.colour("seed")
    shown = charts_ready(monitors.drawable(path))
    first = charts.area("week", "lower", "upper", by)
    line = charts.lines("week", "estimate", by, x_title="week", y_title="estimate")
    charts.draw(shown, charts.rule(0), first, line, _stops("estimate"), title="Estimate and interval")


def _strength(path: pd.DataFrame) -> None:
    by = charts.colour("seed")
    if "z" in path and path["z"].notna().any():
        shown = charts_ready(path.assign(below=-path["boundary"]))
        edges = [charts.lines("week", side, None) for side in ("boundary", "below")]
        for edge in edges:
            edge["mark"] = {"type": "line", "strokeDash": [4, 4], "color": charts.WRONG, "clip": True}
        line = charts.lines("week", "z", by, x_title="week", y_title="z")
        charts.draw(shown, *edges, line, _stops("z"), title="z, and what it must reach")
        return
    shown = charts_ready(path.assign(evidence=path["log_e"] / np.log(10)))
    line = charts.lines("week", "evidence", by, x_title="week", y_title="log10 of the e-value")
    charts.draw(
        shown,
        charts.rule(np.log10(20), colour=charts.WRONG),
        line,
        _stops("evidence"),
        title="Evidence; dashed: 1 in 20",
    )


def _stops(y: str) -> charts.Spec:
    cross = charts.marks("week", y, None, shape="cross", tips=["seed", "verdict"])
    cross["transform"] = [{"filter": "datum.stopped"}]
    cross["mark"]["color"] = charts.WRONG
    return cross


def charts_ready(path: pd.DataFrame) -> pd.DataFrame:
    """Without infinities, which JSON does not know."""
    return path.replace([np.inf, -np.inf], np.nan)


def _verdicts(verdicts: pd.DataFrame) -> None:
    counted = (
        verdicts.groupby(["agent", "monitor", "mark"], sort=False, dropna=False).size().rename("seeds").reset_index()
    )
    counted["test"] = counted["agent"] + ", " + counted["monitor"]
    by = charts.colour("mark", _MARKS, list(counted["mark"]))
    charts.draw(counted, charts.bars("seeds", "test", by, x_title="seeds"), height=24 * counted["test"].nunique() + 80)
    table(verdicts, "verdicts", dict.fromkeys(("truth", "lost", "saved"), "%.4g"))
