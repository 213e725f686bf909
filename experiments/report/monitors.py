"""Figures of sequential tests: estimates, z against its boundary, e-values against the alarm, slack of guardrails."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from experiments.report.canvas import COLOURS, QUIET, WRONG, agent_colours, grid, save, study_title, title
from experiments.results import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["boundary_paths", "draw_paths", "is_tested", "monitor_paths"]

Painter = Callable[["Axes", pd.DataFrame, str, bool], None]
"""Draws a path into a panel, in a colour; with what is drawn once a panel, if it is the first."""

_STOPS = ("harm", "lift", "certified")
_FAR_Z = 8.0  # what lies further out was decided long before
_ACROSS = 4


def is_tested(path: pd.DataFrame) -> bool:
    """Whether there is a z, which the boundary is then for; else it is for the log e-value."""
    return "z" in path.columns and bool(path["z"].notna().any())


def monitor_paths(results: Results, table: pd.DataFrame, monitor: str) -> Figure:
    """One panel an agent: the estimate with its interval, or the e-value where there is one; stops are marked."""
    betting = _is_betting(table[table["monitor"] == monitor])
    figure, panels = _by_agent(results, table, monitor, _evidence if betting else _estimate)
    panels[0].set_ylabel("e-value" if betting else "estimate (usd per user-week)")
    note = "dashed: alarm at 1 / alpha" if betting else "band: interval, first seed"
    study_title(figure, results, f"Monitor {monitor}", f"one line a seed; {note}; x: the monitor stopped")
    return figure


def boundary_paths(results: Results, table: pd.DataFrame, monitor: str) -> Figure:
    """One panel an agent: z, and what it must reach for the monitor to stop."""
    figure, panels = _by_agent(results, table, monitor, _boundary)
    panels[0].set_ylabel("z")
    study_title(
        figure,
        results,
        f"Monitor {monitor}",
        "one line a seed; dashed: boundary, first seed, at looks that were not refused; x: it stopped",
    )
    return figure


def draw_paths(paths: Sequence[tuple[str, pd.DataFrame]], out: Path, about: str, limit: float | None) -> Path:
    """Two panels a monitor, one above the other: what is estimated, and how strongly. Returns the path of the PNG.

    limit: of the guardrail; monitors that watch it are drawn by their slack, limit minus estimate.
    """
    across = min(len(paths), _ACROSS)
    bands = math.ceil(len(paths) / across)
    figure, panels = grid(2 * bands * across, 3.3, 2.3, across=across)
    tops = [2 * across * (i // across) + i % across for i in range(bands * across)]
    for i, (name, path) in enumerate(paths):
        above, below = panels[tops[i]], panels[tops[i] + across]
        colour = COLOURS[i % len(COLOURS)]
        above.set_title(name, fontsize=9)
        _what(above, path, colour, limit)
        _how_strongly(below, path, colour)
        below.set_xlabel("week")
    for top in tops[len(paths) :]:
        panels[top].set_visible(False)
        panels[top + across].set_visible(False)
    title(figure, "Monitors, week by week", f"{about}; dashed: where a monitor stops; x: it stopped; shaded: interval")
    return save(figure, out)


def _by_agent(results: Results, table: pd.DataFrame, monitor: str, paint: Painter) -> tuple[Figure, list[Axes]]:
    mine = table[table["monitor"] == monitor]
    agents = [a for a, _ in agent_colours(results) if (mine["agent"] == a).any()]
    figure, panels = grid(len(agents), 3.2, 2.4, sharey=True)
    colours = dict(agent_colours(results))
    for agent, axes in zip(agents, panels, strict=False):
        for seed, path in mine[mine["agent"] == agent].groupby("seed"):
            paint(axes, path, colours[agent], seed == mine["seed"].min())
        axes.set_title(agent, fontsize=9)
        axes.set_xlabel("week")
    return figure, panels


def _is_betting(path: pd.DataFrame) -> bool:
    return bool(path["log_e"].notna().any()) and not is_tested(path)


def _what(axes: Axes, path: pd.DataFrame, colour: str, limit: float | None) -> None:
    if limit is not None and path["null"].str.contains(f"at (?:most|least) {limit:g}(?![0-9])").any():
        axes.axhline(0, color=WRONG, linewidth=0.9, linestyle="--")
        axes.plot(path["week"], limit - path["estimate"], color=colour, linewidth=1.4, marker="o", markersize=3)
        axes.set_ylabel("slack (limit - estimate)", fontsize=8)
        return
    _estimate(axes, path, colour, True)
    axes.set_ylabel("estimate", fontsize=8)


def _how_strongly(axes: Axes, path: pd.DataFrame, colour: str) -> None:
    if _is_betting(path):
        _evidence(axes, path, colour, True)
        axes.set_ylabel("e-value", fontsize=8)
    elif is_tested(path):
        _boundary(axes, path, colour, True)
        axes.set_ylabel("z", fontsize=8)
    else:
        axes.set_visible(False)


def _estimate(axes: Axes, path: pd.DataFrame, colour: str, first: bool) -> None:
    axes.axhline(0, color=QUIET, linewidth=0.8)
    if first:
        axes.fill_between(path["week"], path["lower"], path["upper"], color=colour, alpha=0.15, linewidth=0)
    axes.plot(path["week"], path["estimate"], color=colour, linewidth=1.2)
    _stop(axes, path, path["estimate"])


def _boundary(axes: Axes, path: pd.DataFrame, colour: str, first: bool) -> None:
    axes.axhline(0, color=QUIET, linewidth=0.8)
    if first:
        bound = path["boundary"].where(np.isfinite(path["boundary"]))
        looks = path["week"][bound.notna()]
        for side in (1, -1):
            axes.plot(
                looks, side * bound.dropna(), color=WRONG, linewidth=0.9, linestyle="--", marker=".", markersize=3
            )
    axes.plot(path["week"], path["z"], color=colour, linewidth=1.2)
    axes.set_ylim(-_FAR_Z, _FAR_Z)
    _stop(axes, path, path["z"].clip(-_FAR_Z, _FAR_Z))


def _evidence(axes: Axes, path: pd.DataFrame, colour: str, first: bool) -> None:
    threshold = path["boundary"][path["boundary"] > 0]
    axes.set_yscale("log")
    if first:
        alarm = float(threshold.iloc[-1]) if len(threshold) else math.log(20)
        axes.set_ylim(math.exp(-2 * alarm), math.exp(4 * alarm))  # what lies further out was decided long before
        axes.axhline(math.exp(alarm), color=WRONG, linewidth=0.9, linestyle="--")
    e_value = np.exp(path["log_e"].clip(-600, 600))
    axes.plot(path["week"], e_value, color=colour, linewidth=1.2)
    _stop(axes, path, e_value.clip(*axes.get_ylim()))


def _stop(axes: Axes, path: pd.DataFrame, height: pd.Series[float]) -> None:
    stopped = path["verdict"].isin(_STOPS)
    if stopped.any():
        axes.plot(path["week"][stopped].iloc[:1], height[stopped].iloc[:1], "x", color=WRONG, markersize=7)
