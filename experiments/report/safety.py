"""Who breaks a guardrail in which week, and what is gained meanwhile: the figure of docs/safe_exploration.md."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from experiments.report.canvas import COLOURS, QUIET, WRONG, grid, legend
from experiments.safe_share import by_week

__all__ = ["safety"]

_LEARNERS = ("safe_exploration", "lagrangian_linucb", "constrained_thompson", "uplift_greedy", "squarecb", "gates")


def safety(weekly: pd.DataFrame, path: Path) -> Path:
    """Draw both panels into an SVG file, the same bytes for the same rows; returns its path."""
    import matplotlib

    figure, (left, right) = grid(2, 5.2, 3.4)
    shown = [a for a in _LEARNERS if a in set(weekly["agent"])]
    for agent, colour in zip(shown, COLOURS, strict=False):
        mine = weekly[weekly["agent"] == agent]
        table = by_week(mine)
        width = 2.6 if agent == _LEARNERS[0] else 1.2
        label = f"{agent} ({mine['seed'].nunique()} seeds)"
        left.plot(table["week"] + 1, table["any"], color=colour, linewidth=width, label=label)
        known = table[table["share_of_oracle"].notna()]
        right.plot(known["week"] + 1, known["share_of_oracle"], "o-", color=colour, linewidth=width, markersize=3)
        if agent == _LEARNERS[0]:
            right.fill_between(known["week"] + 1, known["share_lower"], known["share_upper"], color=colour, alpha=0.2)
    left.axhline(0.05, color=WRONG, linewidth=0.9, linestyle=":")
    left.set(xlabel="week", ylabel="share of seeds with a true violation", ylim=(-0.02, 1.02))
    for start, end, aim in ((9, 12, 0.6), (23, 26, 0.8)):
        right.plot([start, end], [aim, aim], color=QUIET, linewidth=3, alpha=0.6)
    right.set(xlabel="week (grey: aimed at)", ylabel="share of oracle_observable's gain")
    legend(figure, left)
    with matplotlib.rc_context({"svg.hashsalt": "rage"}):
        figure.savefig(path, format="svg", metadata={"Date": None})
    return path
