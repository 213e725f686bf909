"""A slider over the budget: the allocation is solved again, and three ways to spend are held against each other."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from experiments.dashboard import charts
from experiments.dashboard.parts import table, tile, view
from experiments.dashboard.place import Place
from experiments.views import budget
from experiments.views.guardrails import world_of
from experiments.views.sample import Sample
from experiments.views.view import sampled

TITLE, ORDER, NEEDS_STUDY = "Budget", 4, True

_METHODS = {"uplift": "#2f8fd0", "propensity": "#e0672a", "random": "#8a8f98"}
_FORMS = dict.fromkeys(("budget", "spent", "gain"), "$%.4f") | {"roi": "%.2f", "price": "$%.3f", "offers": "percent"}
_STEPS = 60


def show(place: Place) -> None:
    """The page."""
    agent = place.agent("Agent whose users these are", believing=True)
    view(place.ask(sampled, "people", agent), lambda people: _slider(place, people))


def _slider(place: Place, people: pd.DataFrame) -> None:
    left, middle, right = st.columns(3)
    week = left.selectbox("Week", sorted(people["week"].unique()), index=None, placeholder="the last one kept")
    mine = people[people["week"] == (people["week"].max() if week is None else week)]
    sample = Sample.of(mine)
    bases = ["truth", *(["beliefs"] if sample.believed is not None else [])]
    basis: budget.Basis = "beliefs" if middle.radio("Planned by", bases, horizontal=True) == "beliefs" else "truth"
    limit = _loss_limit(place) if right.toggle("Hold the limit on losses", value=True) else None
    most = budget.most_that_can_be_spent(sample)
    if sample.n == 0 or most <= 0:
        st.info("In this week nobody of the sample can be offered anything that costs money.")
        return
    options = [round(most * (i / _STEPS) ** 2, 5) for i in range(1, _STEPS + 1)]
    spent = budget.spent_by_agent(sample)
    start = min(options, key=lambda o: abs(o - spent))
    chosen = st.select_slider("Budget, usd per user and week", options, value=start, format_func="${:.4f}".format)
    found = budget.compare(sample, float(chosen), basis, limit)
    for column, one in zip(st.columns(3), found, strict=True):
        with column:
            tile(f"ROI, {one.method}", f"{one.roi:.2f}", f"{one.gain:+.4f} usd per user-week")
    st.caption(
        f"The next dollar would gain ${found[0].price:.2f} by its planned value; the agent itself spends ${spent:.4f}. "
        f"{'Losses stay within the limit as planned. ' if limit is not None else ''}Other guardrails are not held here."
    )
    curves = budget.budgets(sample, [*budget.steps_up_to(most)], basis, limit)
    view(curves, lambda t: _curves(t, float(chosen)))
    _mix(sample, float(chosen), basis, limit)


def _loss_limit(place: Place) -> float | None:
    """The world's own limit on losses for each dollar of GMV, if it has one."""
    for guardrail in world_of(place.results).guardrails:
        if guardrail.denominator == {"gmv": 1.0} and any(c.startswith("loss_") for c in guardrail.numerator):
            return guardrail.limit
    return None


def _curves(bought: pd.DataFrame, at: float) -> None:
    by = charts.colour("method", _METHODS)
    here = charts.rule(at, "x", colour=charts.WRONG)
    left, right = st.columns(2)
    with left:
        line = charts.lines(
            "budget", "gain", by, x_title="budget, usd per user-week", y_title="gain, usd per user-week"
        )
        charts.draw(bought, here, charts.rule(0), line, title="Value gained")
    with right:
        line = charts.lines("budget", "roi", by, x_title="budget, usd per user-week", y_title="value per dollar")
        charts.draw(bought, here, charts.rule(0), line, title="ROI: value gained, net of cost, per dollar")
    table(bought, "budget", _FORMS)


def _mix(sample: Sample, at: float, basis: budget.Basis, limit: float | None) -> None:
    probs = budget.solve(sample, at, basis, limit).probs
    shares = pd.DataFrame(
        {"arm": sample.arms, "best allocation": probs.mean(axis=0), "agent": sample.prob.mean(axis=0)}
    )
    long = shares.melt("arm", var_name="who", value_name="share")
    st.markdown("**Who would get what at this budget**")
    bars = charts.bars(
        "share", "arm", charts.colour("who"), x_title="share of users", form=".0%", order=list(sample.arms)
    )
    bars["encoding"]["yOffset"] = {"field": "who"}
    charts.draw(long, bars, height=44 * len(sample.arms) + 70)
    table(shares, "mix", dict.fromkeys(("best allocation", "agent"), "percent"))
