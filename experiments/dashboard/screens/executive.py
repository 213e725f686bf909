"""What the chosen agent brings, what it risks, and what the next dollar would buy."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from experiments.dashboard import charts
from experiments.dashboard.parts import number, table, tile, view
from experiments.dashboard.place import Place
from experiments.views import curves, guardrails, standing
from experiments.views.budget import next_dollar, spent_by_agent
from experiments.views.sample import Sample
from experiments.views.view import sampled

TITLE, ORDER, NEEDS_STUDY = "Executive", 1, True

_FORMS = {"used": "percent", "limit": "%.5g", "usage": "%.5g", "slack": "%.5g", "price": "$%.2f"}


def show(place: Place) -> None:
    """The page."""
    st.caption(place.results.study.question)
    agent = place.agent()
    board = place.ask(standing.leaderboard)
    view(board, lambda t: _tiles(t, agent, place.results.baseline))
    left, right = st.columns(2)
    with left:
        st.subheader("Guardrails")
        view(place.ask(guardrails.gauges, agent, weekly=True), _gauges)
    with right:
        st.subheader("What the next dollar buys")
        view(place.ask(sampled, "people", agent), _dollar)
        st.subheader("Value over doing nothing")
        view(place.ask(curves.gains, weekly=True), lambda t: _gain(t[t["agent"] == agent]))
    gauges = place.ask(guardrails.gauges, agent, weekly=True)
    if gauges.here:
        table(gauges.table, f"guardrails-{agent}", _FORMS)


def _tiles(board: pd.DataFrame, agent: str, baseline: str) -> None:
    lines: dict[str, dict[str, Any]] = board.set_index("agent").to_dict("index")  # Any: numbers and flags
    mine, none = lines[agent], lines.get(baseline, {})
    lift = mine["gain"] / abs(none["value"]) if none.get("value") else float("nan")
    first, second = st.columns(3), st.columns(3)
    with first[0]:
        tile("Value", f"${mine['value']:.3f}", help="usd per assigned user-week, users lost counted")
    with first[1]:
        tile("Gain", f"{mine['gain']:+.3f}", help=f"value over {baseline}, usd per assigned user-week")
    with first[2]:
        tile("Lift", number(lift, "+.1%"), help=f"gain as a share of the value of {baseline}")
    st.caption(f"95 % interval of the gain: {mine['gain_lower']:+.3f} to {mine['gain_upper']:+.3f}.")
    with second[0]:
        change = mine["nrpau"] - none.get("nrpau", float("nan"))
        shown = f"{change:+.3f} (does not rank)" if mine.get("nrpau_disagrees") else number(change, "+.3f")
        tile("nRPAU", f"${mine['nrpau']:.3f}", shown, help="net revenue per active user: shown, never used to rank")
    with second[1]:
        tile(
            "Weeks with a broken limit",
            f"{mine['weeks_violated']:g} of {mine['weeks']:g}",
            help="by true means, all seeds",
        )
    with second[2]:
        tile(
            "Of the oracle's gain",
            number(mine.get("share_of_oracle"), ".0%"),
            help="what could be had within the limits",
        )
    if mine.get("gain_too_skewed"):
        st.warning("Losses are so rare and large that this interval is too narrow for so few users.")


def _gauges(gauges: pd.DataFrame) -> None:
    shown = gauges.assign(state=["broken" if s < -1e-9 else "kept" for s in gauges["slack"]])
    shares = shown.dropna(subset=["used"])
    by = charts.colour("state", {"kept": "#16a37f", "broken": charts.WRONG})
    if len(shares):
        rows = 46 * len(shares) + 60
        bars = charts.bars("used", "guardrail", by, x_title="usage, as a share of the limit", form=".0%")
        charts.draw(shares, bars, charts.rule(1.0, "x"), height=rows)
    for line in shown[shown["used"].isna()].to_dict("records"):
        st.markdown(f"`{line['guardrail']}`: slack {line['slack']:.4g}, {line['state']}")
    priced = gauges.dropna(subset=["price"])
    priced = priced[priced["price"] > 0]
    if len(priced):
        words = ", ".join(f"`{r['guardrail']}` ${r['price']:.3g}" for r in priced.to_dict("records"))
        st.markdown(f"Shadow prices, value for one more unit of usage: {words}")


def _dollar(people: pd.DataFrame) -> None:
    last = people[people["week"] == people["week"].max()]
    sample = Sample.of(last)
    if not sample.n:
        st.info("Nobody of the sample is left.")
        return
    best = next_dollar(sample)
    left, right = st.columns(2)
    with left:
        tile(
            "Next dollar gains",
            f"${best.price:.2f}",
            help="value of one more dollar, net of it, if spent as well as can be",
        )
    with right:
        own = float((sample.prob * sample.uplift).sum()) / sample.n
        tile(
            "Best use of this spend",
            f"${best.gain:.4f}",
            f"{best.gain - own:+.4f}",
            help="usd per user-week",
        )
    week, spent = last["week"].iloc[0], spent_by_agent(sample)
    st.caption(f"In week {week} the agent spends {spent:.4f} usd a user; no other limit is held here.")


def _gain(gains: pd.DataFrame) -> None:
    charts.draw(
        gains, charts.area("week", "low", "high", None), charts.rule(0),
        charts.lines("week", "total", None, x_title="week", y_title="usd per user since week 0"), height=220,
    )  # fmt: skip
