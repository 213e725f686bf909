"""Whom the agents chose: funnel, failures by archetype, value against share targeted, spread of uplift."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pandas as pd

from experiments.report.page.parts import Section, colours, figures, legend, section, table
from experiments.report.page.svg import Panel
from experiments.results import Results
from experiments.views import decisions, targeting
from experiments.views.view import View

__all__ = ["sections"]

_ORDERS = {
    "uplift (true)": "c2",
    "believed uplift": "c0",
    "how likely it offers": "c0",
    "propensity": "c1",
    "random": "q",
}
_GROUPS = {"offered": "c0", "left alone: its best offer": "c1"}
_FATES = ("right", "harmful", "missed", "lesser")


def sections(results: Results, weekly: pd.DataFrame) -> Iterator[Section]:
    """Funnel, failure matrix, targeting, uplift."""
    css = colours(results)
    yield section(
        "funnel", "Policy funnel by reason", "How many user-weeks come down to an offer, and why the others got none.",
        decisions.funnel(results), lambda t: figures(_funnels(t, css)) + _reasons(t),
    )  # fmt: skip
    yield section(
        "failures", "Failure matrix by archetype",
        "What became of users of each archetype; the archetype is known to the simulator alone.",
        decisions.failures(results), _matrix,
    )  # fmt: skip
    yield section(
        "targeting", "Cumulative value against share targeted",
        "Value gained by making offers to the top share of an order.",
        _over_agents(results, targeting.curves), lambda t: legend(_keys(t["order"], _ORDERS)) + figures(_curves(t)),
    )  # fmt: skip
    yield section(
        "uplift", "Uplift distributions", "True uplift of the offers that were made, and of the best that were not.",
        _over_agents(results, targeting.spread_of_uplift), lambda t: legend(_GROUPS) + figures(_spreads(t)),
    )  # fmt: skip


def _over_agents(results: Results, ask: Callable[[Results, str], View]) -> View:
    views = {a: ask(results, a) for a in results.study.agents if a != results.baseline}
    here = [view.table.assign(agent=agent) for agent, view in views.items() if view.here]
    if not here:
        return next(iter(views.values()), View(missing=f"Nobody but {results.baseline} took part."))
    return View(pd.concat(here, ignore_index=True), next(v.note for v in views.values() if v.here))


def _funnels(funnel: pd.DataFrame, css: dict[str, str]) -> Iterator[Panel]:
    stages = funnel[funnel["kind"] == "stage"]
    for agent, one in stages.groupby("agent", sort=False):
        panel = Panel(str(agent), (-0.6, len(one) - 0.4), (0.0, 1.08), "", "share of assigned", list(one["step"]))
        for i, (step, share) in enumerate(zip(one["step"], one["share"], strict=True)):
            panel.bar(i - 0.35, i + 0.35, 0, share, css[str(agent)], f"{step}: {share:.1%}")
            panel.label(i, share, f"{share:.0%}" if share >= 0.095 or share == 0 else f"{share:.1%}")
        yield panel


def _reasons(funnel: pd.DataFrame) -> str:
    reasons = funnel[funnel["kind"] == "reason"]
    wide = reasons.pivot(index="agent", columns="step", values="share").reindex(reasons["agent"].unique()).fillna(0.0)
    return table(wide.rename_axis(columns=None).reset_index(), dict.fromkeys(wide.columns, ".1%"))


def _matrix(failures: pd.DataFrame) -> str:
    forms = {**dict.fromkeys(_FATES, ".0%"), **dict.fromkeys(("gain", "harm", "regret"), "+.3f"), "user_weeks": ",.0f"}
    names = {"gain": "gain, usd", "harm": "harm, usd", "regret": "regret, usd"}
    return table(failures, forms, names, heat=_FATES)


def _keys(orders: pd.Series, css: dict[str, str]) -> dict[str, str]:
    there = set(orders)
    return {name: c for name, c in css.items() if name in there}


def _curves(curves: pd.DataFrame) -> Iterator[Panel]:
    low, high = curves["gain"].min(), curves["gain"].max()
    for agent, one in curves.groupby("agent", sort=False):
        panel = Panel.around(
            str(agent), one["share"], [low, high], zero=True, x_label="share targeted", y_label="usd per user-week"
        )
        panel.rule(0)
        for order, line in one.groupby("order", sort=False):
            panel.line(line["share"], line["gain"], _ORDERS[str(order)], str(order))
        yield panel


def _spreads(spread: pd.DataFrame) -> Iterator[Panel]:
    for agent, one in spread.groupby("agent", sort=False):
        ends = (float(one["left"].min()), float(one["right"].max()))
        most = 1.06 * float(one["share"].max())
        panel = Panel(str(agent), ends, (0.0, most), "true uplift, usd per user-week", "share of user-weeks")
        for name, line in one.groupby("group", sort=False):
            for left, right, share in zip(line["left"], line["right"], line["share"], strict=True):
                panel.bar(left, right, 0, share, f"{_GROUPS[str(name)]} s", f"{name}: {share:.1%}")
        yield panel
