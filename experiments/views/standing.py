"""Where the agents stand: the leaderboard, and what each risks for what it gains."""

from __future__ import annotations

import pandas as pd

from experiments.results import Results
from experiments.views.view import View, of_runs

__all__ = ["SAFE_SHARE", "frontier", "leaderboard", "safe_share"]

SAFE_SHARE = "safe_share"
_COLUMNS = (
    "agent", "gain", "gain_lower", "gain_upper", "value", "net_revenue", "nrpau", "weeks_violated", "weeks",
    "share_of_oracle", SAFE_SHARE, "safe_share_lower", "safe_share_upper", "gain_too_skewed", "nrpau_disagrees",
    "above_oracle",
)  # fmt: skip


def leaderboard(results: Results) -> View:
    """One row an agent, best value first; of the columns above those that the study has."""
    view = of_runs(results, "leaderboard")
    if not view.here:
        return view
    note = "usd per assigned user-week, settled; 95 % intervals, paired by user. A gain that breaks limits is no gain."
    return View(view.table[[c for c in _COLUMNS if c in view.table.columns]], note)


def safe_share(results: Results) -> View:
    """agent, safe_share, its interval, weeks_violated: where the leaderboard has it and some agent has one."""
    view = leaderboard(results)
    if not view.here:
        return view
    if SAFE_SHARE not in view.table:
        return View(missing=f"This leaderboard has no column `safe_share`. `rage run {results.study.name}` adds it.")
    columns = ["agent", *(c for c in view.table.columns if c.startswith(SAFE_SHARE)), "weeks_violated"]
    table = view.table[columns]
    if table[SAFE_SHARE].isna().all():
        why = "none kept every limit in all but one seed of twenty, or no week was held against the oracles"
        return View(missing=f"No agent has one: {why} (`oracle.every_weeks=4`).")
    return View(
        table, "Share of the oracle's gain; none for agents that broke a limit in more than one seed of twenty."
    )


def frontier(results: Results) -> View:
    """agent, gain, broken, on_frontier: gain over doing nothing against the share of weeks with a broken limit.

    on_frontier: nobody gains as much with fewer broken weeks, or more with as few.
    """
    view = leaderboard(results)
    if not view.here:
        return view
    board = view.table
    table = pd.DataFrame({"agent": board["agent"], "gain": board["gain"].fillna(0.0)})
    table["broken"] = board["weeks_violated"] / board["weeks"]
    table = table.sort_values(["broken", "gain"], ascending=[True, False], kind="stable", ignore_index=True)
    table["on_frontier"] = table["gain"] > table["gain"].cummax().shift(fill_value=float("-inf"))
    return View(table, "Left is safer, up is better; the line joins agents that no other beats on both.")
