"""The one door to matplotlib: figures of a results folder, drawn without a display, written beside the tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from experiments.layout import LEADERBOARD, MONITORS
from experiments.report.canvas import QUIET, WRONG, agent_colours, canvas, grid, legend, save, study_title
from experiments.report.monitors import boundary_paths, is_tested, monitor_paths
from experiments.results import Results
from rage_env.errors import LogError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["boundary_paths", "cumulative_value", "draw", "leaderboard", "monitor_paths", "slack"]


def draw(results: Results) -> tuple[Path, ...]:
    """Write every figure that the folder has data for; returns their paths. Raises LogError naming what is missing."""
    results.figures.mkdir(exist_ok=True)
    made = []
    for name, figure in _figures(results):
        made.append(save(figure, results.figures / f"{name}.png"))
    return tuple(made)


def _figures(results: Results) -> Iterator[tuple[str, Figure]]:
    weekly = results.all_weekly()
    if set(weekly["agent"]) != {results.baseline}:
        yield "cumulative_value", cumulative_value(results, weekly)
    if any(c.startswith("slack_true.") for c in weekly.columns):
        yield "slack", slack(results, weekly)
    if results.has_table("leaderboard"):
        yield "leaderboard", leaderboard(results)
    if results.has_table("monitors"):
        table = _columns(results.table("monitors"), MONITORS, "monitors")
        for monitor in table["monitor"].unique():
            yield f"monitor_{monitor}", monitor_paths(results, table, str(monitor))
            if is_tested(table[table["monitor"] == monitor]):
                yield f"monitor_{monitor}_boundary", boundary_paths(results, table, str(monitor))


def cumulative_value(results: Results, weekly: pd.DataFrame) -> Figure:
    """Value gained over no_offer since week 0, in usd per assigned user: mean over seeds, range shaded."""
    wide = weekly.pivot_table(index="week", columns=["agent", "seed"], values="value", aggfunc="sum", dropna=False)
    base = results.baseline
    if base not in wide.columns.get_level_values("agent"):
        raise LogError(f"{results.path}: no run of {base} is finished, and gains are counted from it")
    figure, axes = canvas(8.0, 4.6)
    axes.axhline(0, color=QUIET, linewidth=1)
    for agent, colour in agent_colours(results):
        if agent == base or agent not in wide.columns.get_level_values("agent"):
            continue
        gain = (wide[agent] - wide[base]).dropna(axis=1, how="all").cumsum()
        axes.fill_between(gain.index, gain.min(axis=1), gain.max(axis=1), color=colour, alpha=0.15, linewidth=0)
        axes.plot(gain.index, gain.mean(axis=1), color=colour, label=agent, linewidth=1.8)
    axes.set(xlabel="week", ylabel=f"cumulative value over {base}\n(usd per assigned user)")
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    study_title(figure, results, "Value gained over doing nothing", "line: mean over seeds; band: range over seeds")
    return figure


def slack(results: Results, weekly: pd.DataFrame) -> Figure:
    """True slack of each guardrail by week, one panel each; below 0 the guardrail was broken."""
    names = [c.removeprefix("slack_true.") for c in weekly.columns if c.startswith("slack_true.")]
    figure, panels = grid(len(names), 4.0, 2.6)
    for name, axes in zip(names, panels, strict=False):
        mean = weekly.pivot_table(index="week", columns="agent", values=f"slack_true.{name}", aggfunc="mean")
        for agent, colour in agent_colours(results):
            if agent in mean:
                axes.plot(mean.index, mean[agent], color=colour, linewidth=1.4, label=agent)
        low, high = axes.get_ylim()
        axes.axhspan(min(low, 0) - abs(low), 0, color=WRONG, alpha=0.07, linewidth=0)
        axes.axhline(0, color=WRONG, linewidth=0.9)
        axes.set(xlabel="week", ylabel="slack (limit - usage)", ylim=(min(low, -0.05 * (high - low)), high))
        axes.set_title(name, fontsize=9)
    legend(figure, panels[0])
    study_title(figure, results, "True slack of the guardrails", "mean over seeds; shaded: broken")
    return figure


def leaderboard(results: Results) -> Figure:
    """Gain in value over no_offer with its 95 % interval, best agent on top; weeks with a true violation beside."""
    table = _columns(results.table("leaderboard"), LEADERBOARD, "leaderboard").sort_values("gain", na_position="first")
    figure, axes = canvas(8.0, 1.2 + 0.42 * len(table))
    colours = dict(agent_colours(results))
    axes.axvline(0, color=QUIET, linewidth=1)
    for row, line in enumerate(table.to_dict("records")):
        colour = colours.get(str(line["agent"]), QUIET)
        axes.plot([line["gain_lower"], line["gain_upper"]], [row, row], color=colour, linewidth=2.2)
        axes.plot([line["gain"]], [row], "o", color=colour, markersize=6)
        broken = float(line["weeks_violated"])
        text = "weeks broken: none" if broken == 0 else f"weeks broken: {broken:g}"
        axes.annotate(
            text, (1.01, row), xycoords=("axes fraction", "data"), va="center", fontsize=8,
            color=WRONG if broken else QUIET, annotation_clip=False,
        )  # fmt: skip
    axes.set_yticks(range(len(table)), [str(a) for a in table["agent"]])
    axes.set(
        ylim=(-0.6, len(table) - 0.4), xlabel=f"gain in value over {results.baseline} (usd per assigned user-week)"
    )
    study_title(figure, results, "Leaderboard", "95 % intervals, paired, clustered by user")
    return figure


def _columns(table: pd.DataFrame, wanted: tuple[str, ...], name: str) -> pd.DataFrame:
    missing = [c for c in wanted if c not in table.columns]
    if missing:
        raise LogError(f"{name}: the table lacks the columns {missing}; it has {list(table.columns)}")
    return table
