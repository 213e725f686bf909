"""The one door to matplotlib: figures of a results folder, drawn without a display, written beside the tables."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from experiments.results import LEADERBOARD, MONITORS, Results
from rage_env.errors import LogError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["cumulative_value", "draw", "leaderboard", "monitor_paths", "slack"]

# Okabe & Ito (2008): told apart by colour-blind readers.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7B4FA3", "#8B5A2B")
_QUIET = "#777777"
_WRONG = "#B00020"


def draw(results: Results) -> tuple[Path, ...]:
    """Write every figure that the folder has data for; returns their paths. Raises LogError naming what is missing."""
    results.figures.mkdir(exist_ok=True)
    made = []
    for name, figure in _figures(results):
        path = results.figures / f"{name}.png"
        beside = path.with_name(f".{path.name}.part")
        figure.savefig(beside, dpi=150, format="png")
        beside.replace(path)
        made.append(path)
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


def cumulative_value(results: Results, weekly: pd.DataFrame) -> Figure:
    """Value gained over no_offer since week 0, in usd per assigned user: mean over seeds, range shaded."""
    wide = weekly.pivot_table(index="week", columns=["agent", "seed"], values="value", aggfunc="sum", dropna=False)
    base = results.baseline
    if base not in wide.columns.get_level_values("agent"):
        raise LogError(f"{results.path}: no run of {base} is finished, and gains are counted from it")
    figure, axes = _canvas(8.0, 4.6)
    axes.axhline(0, color=_QUIET, linewidth=1)
    for agent, colour in _colours(results):
        if agent == base or agent not in wide.columns.get_level_values("agent"):
            continue
        gain = (wide[agent] - wide[base]).dropna(axis=1, how="all").cumsum()
        axes.fill_between(gain.index, gain.min(axis=1), gain.max(axis=1), color=colour, alpha=0.15, linewidth=0)
        axes.plot(gain.index, gain.mean(axis=1), color=colour, label=agent, linewidth=1.8)
    axes.set(xlabel="week", ylabel=f"cumulative value over {base}\n(usd per assigned user)")
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    _title(figure, results, "Value gained over doing nothing", "line: mean over seeds; band: range over seeds")
    return figure


def slack(results: Results, weekly: pd.DataFrame) -> Figure:
    """True slack of each guardrail by week, one panel each; below 0 the guardrail was broken."""
    names = [c.removeprefix("slack_true.") for c in weekly.columns if c.startswith("slack_true.")]
    figure, panels = _grid(len(names), 4.0, 2.6)
    for name, axes in zip(names, panels, strict=False):
        mean = weekly.pivot_table(index="week", columns="agent", values=f"slack_true.{name}", aggfunc="mean")
        for agent, colour in _colours(results):
            if agent in mean:
                axes.plot(mean.index, mean[agent], color=colour, linewidth=1.4, label=agent)
        low, high = axes.get_ylim()
        axes.axhspan(min(low, 0) - abs(low), 0, color=_WRONG, alpha=0.07, linewidth=0)
        axes.axhline(0, color=_WRONG, linewidth=0.9)
        axes.set(xlabel="week", ylabel="slack (limit - usage)", ylim=(min(low, -0.05 * (high - low)), high))
        axes.set_title(name, fontsize=9)
    _legend(figure, panels[0])
    _title(figure, results, "True slack of the guardrails", "mean over seeds; shaded: broken")
    return figure


def leaderboard(results: Results) -> Figure:
    """Gain in value over no_offer with its 95 % interval, best agent on top; weeks with a true violation beside."""
    table = _columns(results.table("leaderboard"), LEADERBOARD, "leaderboard").sort_values("gain", na_position="first")
    figure, axes = _canvas(8.0, 1.2 + 0.42 * len(table))
    colours = dict(_colours(results))
    axes.axvline(0, color=_QUIET, linewidth=1)
    for row, line in enumerate(table.to_dict("records")):
        colour = colours.get(str(line["agent"]), _QUIET)
        axes.plot([line["gain_lower"], line["gain_upper"]], [row, row], color=colour, linewidth=2.2)
        axes.plot([line["gain"]], [row], "o", color=colour, markersize=6)
        broken = float(line["weeks_violated"])
        text = "weeks broken: none" if broken == 0 else f"weeks broken: {broken:g}"
        axes.annotate(
            text, (1.01, row), xycoords=("axes fraction", "data"), va="center", fontsize=8,
            color=_WRONG if broken else _QUIET, annotation_clip=False,
        )  # fmt: skip
    axes.set_yticks(range(len(table)), [str(a) for a in table["agent"]])
    axes.set(
        ylim=(-0.6, len(table) - 0.4), xlabel=f"gain in value over {results.baseline} (usd per assigned user-week)"
    )
    _title(figure, results, "Leaderboard", "95 % intervals, paired, clustered by user")
    return figure


def monitor_paths(results: Results, table: pd.DataFrame, monitor: str) -> Figure:
    """One panel an agent: the estimate with its interval, or the log e-value where there is one; stops are marked."""
    mine = table[table["monitor"] == monitor]
    agents = [a for a, _ in _colours(results) if (mine["agent"] == a).any()]
    tested = "z" in mine.columns and bool(mine["z"].notna().any())  # where there is a z, the boundary is for it
    betting = bool(mine["log_e"].notna().any()) and not tested
    figure, panels = _grid(len(agents), 3.2, 2.4, sharey=True)
    colours = dict(_colours(results))
    paint = _evidence if betting else _estimate
    for agent, axes in zip(agents, panels, strict=False):
        for seed, path in mine[mine["agent"] == agent].groupby("seed"):
            paint(axes, path, colours[agent], seed == mine["seed"].min())
        axes.set_title(agent, fontsize=9)
        axes.set_xlabel("week")
    panels[0].set_ylabel("log e-value" if betting else "estimate (usd per user-week)")
    note = "dashed: alarm threshold" if betting else "band: interval, first seed"
    _title(figure, results, f"Monitor {monitor}", f"one line a seed; {note}; x: the monitor stopped")
    return figure


def _estimate(axes: Axes, path: pd.DataFrame, colour: str, first: bool) -> None:
    axes.axhline(0, color=_QUIET, linewidth=0.8)
    if first:
        axes.fill_between(path["week"], path["lower"], path["upper"], color=colour, alpha=0.15, linewidth=0)
    axes.plot(path["week"], path["estimate"], color=colour, linewidth=1.2)
    _stop(axes, path, "estimate")


def _evidence(axes: Axes, path: pd.DataFrame, colour: str, first: bool) -> None:
    threshold = path["boundary"].dropna()
    if first and len(threshold):
        alarm = float(threshold.iloc[-1])
        axes.axhline(alarm, color=_WRONG, linewidth=0.9, linestyle="--")
        axes.set_ylim(-2 * alarm, 4 * alarm)  # what lies further out was decided long before
    axes.plot(path["week"], path["log_e"], color=colour, linewidth=1.2)
    _stop(axes, path, "log_e")


def _stop(axes: Axes, path: pd.DataFrame, column: str) -> None:
    stopped = path[path["verdict"].isin(["harm", "lift", "certified"])]
    if len(stopped):
        axes.plot(stopped["week"].iloc[:1], stopped[column].iloc[:1], "x", color=_WRONG, markersize=7)


def _colours(results: Results) -> Iterator[tuple[str, str]]:
    """(agent, colour) in the order of the experiment; whoever does nothing is grey."""
    others = [a for a in results.study.agents if a != results.baseline]
    painted = {a: _COLOURS[i % len(_COLOURS)] for i, a in enumerate(others)}
    return ((a, painted.get(a, "#333333")) for a in results.study.agents)


def _columns(table: pd.DataFrame, wanted: tuple[str, ...], name: str) -> pd.DataFrame:
    missing = [c for c in wanted if c not in table.columns]
    if missing:
        raise LogError(f"{name}: the table lacks the columns {missing}; it has {list(table.columns)}")
    return table


def _canvas(width: float, height: float) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _grid(panels: int, width: float, height: float, *, sharey: bool = False) -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure

    columns = min(panels, 4 if sharey else 3)
    rows = math.ceil(panels / columns)
    figure = Figure(figsize=(width * columns, height * rows + 0.9), layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False, sharey=sharey).flat)
    for one in axes:
        one.spines[["top", "right"]].set_visible(False)
        one.tick_params(labelsize=8)
    for empty in axes[panels:]:
        empty.set_visible(False)
    return figure, axes[:panels]


def _legend(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 4), frameon=False, fontsize=8)


def _title(figure: Figure, results: Results, what: str, note: str) -> None:
    study = results.study
    about = f"{study.name}: {study.users:,} users x {study.weeks} weeks x {len(study.seeds)} seeds; {note}"
    figure.suptitle(f"{what}\n", fontsize=12, fontweight="bold", x=0.01, ha="left")
    figure.text(0.011, 0.995, f"\n\n{about}", fontsize=8, color=_QUIET, va="top")
