"""Week by week, by agent: value gained, share of the oracle, who is still there."""

from __future__ import annotations

import pandas as pd

from experiments.results import Results
from experiments.views.view import View

__all__ = ["gains", "oracle_share", "retention"]


def gains(results: Results, weekly: pd.DataFrame) -> View:
    """agent, week, gain, total, low, high: usd per assigned user over doing nothing, of the week and since week 0.

    Means over seeds; low and high: least and largest total of a seed.
    """
    wide = weekly.pivot_table(index="week", columns=["agent", "seed"], values="value", aggfunc="sum", dropna=False)
    base = results.baseline
    if base not in wide.columns.get_level_values("agent"):
        return View(missing=f"Gains are counted from {base}, of which no run is finished. Add it to the agents.")
    parts = []
    for agent in _in_order(results, weekly):
        gain = (wide[agent] - wide[base]).dropna(axis=1, how="all")
        total = gain.cumsum()
        columns = {"gain": gain.mean(axis=1), "total": total.mean(axis=1)}
        columns |= {"low": total.min(axis=1), "high": total.max(axis=1)}
        if agent != base:
            parts.append(pd.DataFrame(columns).reset_index().assign(agent=agent))
    if not parts:
        return View(missing=f"Nobody but {base} took part: give the experiment another agent.")
    return View(pd.concat(parts, ignore_index=True), "Mean over seeds; band: least and largest seed.")


def oracle_share(results: Results, weekly: pd.DataFrame) -> View:
    """agent, week, share: expected gain over that of the best that observables allow, in sampled weeks, all seeds."""
    steps = ["step.agent", "step.no_offer", "step.oracle_observable"]
    if not set(steps) <= set(weekly.columns) or weekly["step.agent"].isna().all():
        return View(missing="No week was held against the oracles: run the study with `oracle.every_weeks=4`.")
    known = weekly.dropna(subset=["step.agent"])
    sums = known.groupby(["agent", "week"], sort=False)[steps].sum()
    best = sums["step.oracle_observable"] - sums["step.no_offer"]
    share = ((sums["step.agent"] - sums["step.no_offer"]) / best).where(best > 0)
    table = share.rename("share").reset_index()
    note = (
        "Expected gain of the week in the agent's own states; above 1 limits were broken. Far values stand at the edge."
    )
    return View(table[table["agent"] != results.baseline], note)


def retention(results: Results, weekly: pd.DataFrame) -> View:
    """agent, week, present: share of the assigned users who are there at the week's beginning; mean over seeds."""
    sizes = {a: _assigned(results, a) for a in _in_order(results, weekly)}
    mean = weekly.groupby(["agent", "week"], sort=False)["present"].mean().reset_index()
    mean["present"] /= mean["agent"].map(sizes)
    return View(mean, "Mean over seeds.")


def _assigned(results: Results, agent: str) -> float:
    held = [results.summary(a, s)["users"] for a, s in results.runs() if a == agent and results.is_done(a, s)]
    return sum(float(str(users)) for users in held) / len(held)


def _in_order(results: Results, weekly: pd.DataFrame) -> list[str]:
    there = set(weekly["agent"])
    return [a for a in results.study.agents if a in there]
