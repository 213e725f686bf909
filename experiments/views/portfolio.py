"""The portfolio: who stays, segment by segment, and on how few users the value rests."""

from __future__ import annotations

import numpy as np
import pandas as pd

from experiments import storage
from experiments.results import Results
from experiments.views.view import View, again, exhibit

__all__ = ["concentration", "gini", "retained_by_segment", "segments"]

_MOST = 200_000
_POINTS = 101


def segments(results: Results, agent: str) -> View:
    """segment, code, users, present, offered, value, net_revenue, losses: over all weeks and seeds.

    users: assigned, mean of seeds; present: share of assigned user-weeks; offered: of present ones; money in usd per
    assigned user-week.
    """
    view = exhibit(results, "segments", [agent])
    if not view.here:
        return view
    sums = view.table.groupby(["segment", "code"], sort=False).sum(numeric_only=True).reset_index()
    runs = view.table[["seed", "week"]].drop_duplicates().shape[0]
    table = sums[["segment", "code"]].assign(users=sums["assigned"] / runs, present=sums["present"] / sums["assigned"])
    table["offered"] = (sums["offered"] / sums["present"]).where(sums["present"] > 0)
    for name, source in (("value", "value_usd"), ("net_revenue", "net_revenue_usd"), ("losses", "loss_usd")):
        table[name] = sums[source] / sums["assigned"]
    return View(table, "usd per assigned user-week, by accrual; all weeks and seeds.")


def retained_by_segment(results: Results, agent: str, segment: str) -> View:
    """code, week, present: share of the assigned users who are there; mean over seeds."""
    view = exhibit(results, "segments", [agent])
    if not view.here:
        return view
    mine = view.table[view.table["segment"] == segment]
    sums = mine.groupby(["code", "week"], sort=False)[["present", "assigned"]].sum().reset_index()
    return View(sums[["code", "week"]].assign(present=sums["present"] / sums["assigned"]), "Mean over seeds.")


def concentration(results: Results, agent: str) -> View:
    """users, value: cumulative shares, most valuable first, of what users with a gain brought; first finished seed.

    Beyond 200,000 users every so manieth is read.
    """
    done = [s for a, s in results.runs() if a == agent and results.is_done(a, s)]
    if not done:
        return View(missing=again(results, f"a finished run of {agent}"))
    file = results.run_folder(agent, done[0]) / "users.parquet"
    held = storage.read_table(file, ["value"])["value"].to_numpy(np.float64)
    every = -(-len(held) // _MOST)
    sample = np.sort(held[::every])[::-1]
    total = np.cumsum(sample)
    at = np.linspace(0, 1, _POINTS)
    curve = np.interp(at, np.arange(len(sample) + 1) / len(sample), np.r_[0.0, total] / total[-1])
    note = f"Seed {done[0]}" + (f"; a sample: every {every}th of {len(held):,} users." if every > 1 else ".")
    return View(pd.DataFrame({"users": at, "value": curve}), f"Value of the whole run by user, best first. {note}")


def gini(curve: pd.DataFrame) -> float:
    """Twice the area between the curve and the diagonal; above 1 where many users cost more than they bring."""
    return float(2 * np.trapezoid(curve["value"], curve["users"]) - 1)
