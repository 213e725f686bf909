"""Slack of every guardrail over weeks."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from experiments.report.page.parts import Section, colours, figures, legend, section
from experiments.report.page.svg import Panel
from experiments.results import Results
from experiments.views import guardrails

__all__ = ["sections"]


def sections(results: Results, weekly: pd.DataFrame) -> Iterator[Section]:
    """Slack over weeks."""
    css = colours(results)
    yield section(
        "slack", "Guardrail slack over weeks", "Limit minus usage by true means: shaded, below 0, is broken.",
        guardrails.slack(results, weekly), lambda slack: legend(css) + figures(_panels(slack, css)),
    )  # fmt: skip


def _panels(slack: pd.DataFrame, css: dict[str, str]) -> Iterator[Panel]:
    for name, rows in slack.groupby("guardrail", sort=False):
        panel = Panel.around(str(name), rows["week"], rows["true"], zero=True, x_label="week", y_label="slack")
        panel.below(0)
        panel.rule(0, "bad")
        for agent, one in rows.groupby("agent", sort=False):
            panel.line(one["week"], one["true"], css[str(agent)], str(agent))
        yield panel
