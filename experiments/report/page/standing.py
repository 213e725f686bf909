"""Who gained what, how it was learned, and what it risked."""

from __future__ import annotations

from collections.abc import Iterator
from math import nan

import pandas as pd

from experiments.report.page.parts import Section, colours, figures, legend, section, table
from experiments.report.page.svg import Panel
from experiments.results import Results
from experiments.views import curves, standing

__all__ = ["sections"]

_DOLLARS = dict.fromkeys(("value", "net_revenue", "nrpau"), ".3f")
_SHARES = dict.fromkeys(("share_of_oracle", "safe_share", "safe_share_lower", "safe_share_upper"), ".0%")
_FORMS = {
    **dict.fromkeys(("gain", "gain_lower", "gain_upper"), "+.3f"),
    **_DOLLARS,
    **_SHARES,
    **dict.fromkeys(("weeks_violated", "weeks"), "g"),
}


def sections(results: Results, weekly: pd.DataFrame) -> Iterator[Section]:
    """Leaderboard, learning curves, share of oracle, safe share, frontier."""
    css = colours(results)
    gain_key = legend({a: c for a, c in css.items() if a != results.baseline})
    yield section(
        "leaderboard", "Leaderboard", "Gain in value over leaving everybody alone, with its 95 % interval.",
        standing.leaderboard(results),
        lambda board: figures([_intervals(board, css)]) + table(board[_shown(board)], _FORMS),
    )  # fmt: skip
    yield section(
        "learning", "Learning curves", f"Value gained over {results.baseline}, usd per assigned user.",
        curves.gains(results, weekly), lambda gains: gain_key + figures(_learning(gains, css)),
    )  # fmt: skip
    yield section(
        "oracle", "Share of oracle", "What agents gained in a week, of the best that what can be observed allows.",
        curves.oracle_share(results, weekly), lambda shares: gain_key + figures([_shares(shares, css)]),
    )  # fmt: skip
    yield section(
        "safe", "Safe share", "The same share, for agents that keep every limit in all but one seed of twenty.",
        standing.safe_share(results), lambda board: figures([_bars(board, css)]) + table(board, _FORMS),
    )  # fmt: skip
    yield section(
        "frontier", "Risk against reward", "Gain against the share of weeks in which some limit was truly broken.",
        standing.frontier(results),
        lambda board: legend(css) + figures([_frontier(board, css)]) + table(board, {"gain": "+.3f", "broken": ".0%"}),
    )  # fmt: skip


def _shown(board: pd.DataFrame) -> list[str]:
    return ["agent", *(c for c in _FORMS if c in board)]


def _intervals(board: pd.DataFrame, css: dict[str, str]) -> Panel:
    lines = board.iloc[::-1].reset_index(drop=True)
    ends = [*lines["gain_lower"], *lines["gain_upper"], 0.0]
    panel = Panel.around("gain with 95 % interval", ends, [-0.6, len(lines) - 0.4], x_label="usd per user-week")
    panel.y = (-0.6, len(lines) - 0.4)
    panel.y_ticks = False
    for i, line in lines.iterrows():
        agent, row = str(line["agent"]), float(i)
        panel.line([line["gain_lower"], line["gain_upper"]], [row - 0.12] * 2, css[agent], agent)
        panel.dot(line["gain"], row - 0.12, css[agent], f"{agent}: {line['gain']:+.3f}")
        panel.text(panel.x[0], row + 0.22, agent)
    return panel


def _learning(gains: pd.DataFrame, css: dict[str, str]) -> list[Panel]:
    total = Panel.around(
        "since week 0",
        gains["week"],
        [*gains["low"], *gains["high"]],
        zero=True,
        x_label="week",
        y_label="usd per user",
    )
    weekly = Panel.around("each week", gains["week"], gains["gain"], zero=True, x_label="week", y_label="usd per user")
    for panel in (total, weekly):
        panel.rule(0)
    for agent, one in gains.groupby("agent", sort=False):
        total.band(one["week"], one["low"], one["high"], css[str(agent)])
        total.line(one["week"], one["total"], css[str(agent)], str(agent))
        weekly.line(one["week"], one["gain"], css[str(agent)], str(agent))
    return [total, weekly]


def _shares(shares: pd.DataFrame, css: dict[str, str]) -> Panel:
    panel = Panel.around(
        "share of the oracle's gain", shares["week"], shares["share"].clip(-1, 2), zero=True, x_label="week"
    )
    panel.rule(0)
    panel.rule(1)
    for agent, one in shares.groupby("agent", sort=False):
        panel.line(one["week"], one["share"], css[str(agent)], str(agent))
    return panel


def _bars(board: pd.DataFrame, css: dict[str, str]) -> Panel:
    low = min(0.0, float(board["safe_share"].min()))
    panel = Panel("safe share", (-0.6, len(board) - 0.4), (low, max(1.0, float(board["safe_share"].max()))), "agent")
    panel.x_names = [str(i + 1) for i in range(len(board))]
    for i, line in enumerate(board.to_dict("records")):
        panel.bar(i - 0.35, i + 0.35, 0, line["safe_share"], css[str(line["agent"])], str(line["agent"]))
        panel.line([i, i], [line.get("safe_share_lower", nan), line.get("safe_share_upper", nan)], "q")
    return panel


def _frontier(board: pd.DataFrame, css: dict[str, str]) -> Panel:
    panel = Panel.around(
        "gain by risk", [0, *board["broken"], 1], board["gain"], zero=True,
        x_label="share of weeks with a broken limit", y_label="usd per user-week",
    )  # fmt: skip
    panel.rule(0)
    best = board[board["on_frontier"]]
    panel.line(best["broken"], best["gain"], "q dash")
    for line in board.to_dict("records"):
        panel.dot(line["broken"], line["gain"], css[str(line["agent"])], str(line["agent"]))
    return panel
