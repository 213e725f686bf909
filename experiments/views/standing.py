"""Where the agents stand: the leaderboard, and what each risks for what it gains."""

from __future__ import annotations

import pandas as pd

from experiments.results import Results
from experiments.views.view import View, of_runs

__all__ = ["SAFE_SHARE", "frontier", "leaderboard", "safe_share"]

SAFE_SHARE = "safe_share"
_COLUMNS = (
    "agent", "gain", "gain_lower", "gain_upper", "value", "net_revenue", "nrpau", "weeks_violated", "weeks",
    "share_of_oracle", SAFE_SHARE, "gain_too_skewed", "nrpau_disagrees", "above_oracle",
)  # fmt: skip


def leaderboard(results: Results) -> View:
    """One row an agent, best value first; of the columns above those that the study has."""
    view = of_runs(results, "leaderboard")
    if not view.here:
        return view
    note = "usd per assigned user-week, settled; 95 % intervals, paired by user. A gain that breaks limits is no gain."
    return View(view.table[[c for c in _COLUMNS if c in view.table.columns]], note)


def safe_share(results: Results) -> View:
    """agent, safe_share: the column of that name, where the leaderboard has it."""
    view = leaderboard(results)
    if not view.here:
        return view
    if SAFE_SHARE not in view.table or view.table[SAFE_SHARE].isna().all():
        return View(missing=f"This leaderboard has no column `safe_share`. `rage run {results.study.name}` adds it.")
    return View(view.table[["agent", SAFE_SHARE]], "Share of the oracle's gain, counting only what kept every limit.")


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
