"""What became of users on their way to an offer, and whom the decisions failed."""

from __future__ import annotations

import pandas as pd

from experiments.exhibits.failures import FATES
from experiments.exhibits.funnel import REASON
from experiments.results import Results
from experiments.views.view import View, exhibit

__all__ = ["STAGES", "failures", "funnel"]

STAGES = ("assigned", "present", "reachable", "offered", "redeemed")


def funnel(results: Results) -> View:
    """agent, step, kind, user_weeks, share: head-counts over all weeks and seeds, as a share of those assigned.

    kind: `stage` for the way to an offer, `reason` for why present users were treated as they were.
    """
    view = exhibit(results, "funnel")
    if not view.here:
        return view
    sums = view.table.groupby("agent", sort=False).sum(numeric_only=True)
    reasons = [c for c in sums.columns if c.startswith(REASON)]
    parts = []
    for agent, row in sums.iterrows():
        steps = [(s, "stage", row[s]) for s in STAGES]
        steps += [(c.removeprefix(REASON), "reason", row[c]) for c in reasons if row[c] > 0]
        table = pd.DataFrame(steps, columns=["step", "kind", "user_weeks"])
        parts.append(table.assign(agent=agent, share=table["user_weeks"] / row["assigned"]))
    table = pd.concat(parts, ignore_index=True)[["agent", "step", "kind", "user_weeks", "share"]]
    return View(table, "User-weeks of all weeks and seeds. Reasons say why, for everybody present; rules give none.")


def failures(results: Results) -> View:
    """agent, archetype, user_weeks, right, harmful, missed, lesser, gain, harm, regret: a row an archetype.

    Shares of user-weeks, and usd per user-week; in sampled weeks of all seeds.
    """
    view = exhibit(results, "failures")
    if not view.here:
        return view
    sums = view.table.groupby(["agent", "archetype"], sort=False).sum(numeric_only=True).reset_index()
    sums = sums[sums["present"] > 0]
    table = sums[["agent", "archetype"]].assign(user_weeks=sums["present"])
    for fate in FATES:
        table[fate] = sums[fate] / sums["present"]
    for dollars in ("gain", "harm", "regret"):
        table[dollars] = sums[f"{dollars}_usd"] / sums["present"]
    note = (
        "By true expected value, guardrails not considered: whoever keeps a budget must miss some. harmful: an offer "
        "worth less than none; missed: none where one would gain; lesser: one that gains, though another gains more."
    )
    return View(table.reset_index(drop=True), note)
