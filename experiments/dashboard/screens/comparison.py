"""All agents beside each other, and another study beside this one."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from experiments.dashboard import charts
from experiments.dashboard.parts import table, view
from experiments.dashboard.place import Place
from experiments.views import curves, decisions, guardrails, standing

TITLE, ORDER, NEEDS_STUDY = "Comparison", 2, True

_FORMS = dict.fromkeys(("gain", "gain_lower", "gain_upper", "value", "net_revenue", "nrpau"), "%.3f") | dict.fromkeys(
    ("share_of_oracle", "safe_share"), "percent"
)


def show(place: Place) -> None:
    """The page."""
    colours = charts.palette(place.results)
    view(place.ask(standing.leaderboard), lambda t: _board(t, colours))
    left, right = st.columns(2)
    with left:
        st.subheader("Learning")
        view(place.ask(curves.gains, weekly=True), lambda t: _learning(t, colours))
        st.subheader("Share of the oracle")
        view(place.ask(curves.oracle_share, weekly=True), lambda t: _share(t, colours))
    with right:
        st.subheader("Risk against reward")
        view(place.ask(standing.frontier), lambda t: _frontier(t, colours))
        st.subheader("Guardrail slack")
        view(place.ask(guardrails.slack, weekly=True), lambda t: _slack(t, colours))
    st.subheader("Why users got an offer, or none")
    view(place.ask(decisions.funnel), lambda t: _reasons(t, colours))
    st.subheader("Whom it failed")
    view(
        place.ask(decisions.failures),
        lambda t: table(t, "failures", dict.fromkeys(("right", "harmful", "missed", "lesser"), "percent")),
    )
    _beside(place)


def _board(board: pd.DataFrame, colours: dict[str, str]) -> None:
    by = charts.colour("agent", colours) | {"legend": None}
    spread = charts.intervals("gain_lower", "gain_upper", "agent", by, x_title="gain, usd per assigned user-week")
    dots = charts.marks("gain", "agent", by, tips=["agent"])
    dots["encoding"]["y"] = spread["encoding"]["y"]
    charts.draw(board, charts.rule(0, "x"), spread, dots, height=34 * len(board) + 50)
    table(board, "leaderboard", _FORMS)


def _learning(gains: pd.DataFrame, colours: dict[str, str]) -> None:
    by = charts.colour("agent", colours, list(gains["agent"]))
    line = charts.lines("week", "total", by, x_title="week", y_title="usd per user since week 0")
    charts.draw(gains, charts.rule(0), charts.area("week", "low", "high", by), line)


def _share(shares: pd.DataFrame, colours: dict[str, str]) -> None:
    by = charts.colour("agent", colours, list(shares["agent"]))
    shown = shares[shares["share"].between(-2, 3)]
    charts.draw(shown, charts.rule(0), charts.rule(1), charts.lines("week", "share", by, x_title="week", form=".0%"))


def _frontier(board: pd.DataFrame, colours: dict[str, str]) -> None:
    by = charts.colour("agent", colours)
    dots = charts.marks(
        "broken", "gain", by, x_title="share of weeks with a broken limit", y_title="usd per user-week", tips=["agent"]
    )
    charts.draw(board, charts.rule(0), dots)


def _slack(slack: pd.DataFrame, colours: dict[str, str]) -> None:
    name = st.selectbox("Guardrail", list(slack["guardrail"].unique()))
    by = charts.colour("agent", colours, list(slack["agent"]))
    line = charts.lines("week", "true", by, x_title="week", y_title="limit minus usage")
    charts.draw(slack[slack["guardrail"] == name], charts.rule(0, colour=charts.WRONG), line)


def _reasons(funnel: pd.DataFrame, colours: dict[str, str]) -> None:
    reasons = funnel[funnel["kind"] == "reason"]
    by = charts.colour("step")
    bars = charts.bars("share", "agent", by, x_title="share of assigned user-weeks", form=".0%", order=list(colours))
    charts.draw(reasons, bars, height=34 * reasons["agent"].nunique() + 90)
    table(funnel, "funnel", {"share": "percent"})


def _beside(place: Place) -> None:
    st.subheader("Another study")
    from experiments.dashboard.app import studies

    others = [name for name in studies(place.root) if name != place.study]
    if not others:
        st.caption("There is no other study in this folder.")
        return
    other = Place(place.root, st.selectbox("Compare with", others, index=None, placeholder="choose a study"))
    if other.study is None:
        return
    boards = [(one.study, one.ask(standing.leaderboard)) for one in (place, other)]
    rows = [found.table.assign(study=name) for name, found in boards if found.here]
    both = pd.concat(rows, ignore_index=True)
    front = ["study", "agent", "gain", "gain_lower", "gain_upper", "weeks_violated", "weeks", "value"]
    table(both[front].sort_values(["agent", "study"], ignore_index=True), "two-studies", _FORMS)
