"""Guardrails: slack by week, and where each stands against its limit."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd

from experiments.results import Results
from experiments.stored_experiment import config_of
from experiments.views.view import View
from rage_env.guardrails import Guardrail
from rage_env.scenario import Scenario

__all__ = ["gauges", "names_of", "slack", "world_of"]

RECENT_WEEKS = 4


def names_of(weekly: pd.DataFrame) -> list[str]:
    """Guardrails that the weekly table speaks of."""
    return [c.removeprefix("slack_true.") for c in weekly.columns if c.startswith("slack_true.")]


def slack(results: Results, weekly: pd.DataFrame) -> View:
    """agent, guardrail, week, true, reported, realised, broken, price; means over seeds, broken: share of seeds."""
    names = names_of(weekly)
    if not names:
        return View(missing="This world has no guardrails: add some to its scenario, or run `fintech`.")
    mean = weekly.groupby(["agent", "week"], sort=False).mean(numeric_only=True).reset_index()
    parts = [
        pd.DataFrame(
            {
                "agent": mean["agent"],
                "guardrail": name,
                "week": mean["week"],
                **{how: mean[f"slack_{how}.{name}"] for how in ("true", "reported", "realised")},
                "broken": mean[f"violated.{name}"],
                "price": mean[f"price.{name}"],
            }
        )
        for name in names
    ]
    return View(pd.concat(parts, ignore_index=True), "Slack is limit minus usage: below 0 is broken. Mean over seeds.")


def gauges(results: Results, weekly: pd.DataFrame, agent: str) -> View:
    """One row a guardrail: guardrail, limit, usage, used, slack, weeks_broken, weeks, price.

    usage: of the last weeks, by true means; used: share of the limit, empty where the limit is 0 or is beyond what the
    status quo uses; price: usd of value for one more unit of usage, last weeks; empty where the agent prices nothing.
    """
    mine = weekly[weekly["agent"] == agent]
    late = mine[mine["week"] > mine["week"].max() - RECENT_WEEKS]
    rows = []
    for guardrail in world_of(results).guardrails:
        name, free = guardrail.name, float(late[f"slack_true.{guardrail.name}"].mean())
        usage = guardrail.limit - free if guardrail.sense == "<=" else guardrail.limit + free
        rows.append(
            {
                "guardrail": name,
                "limit": guardrail.limit,
                "usage": usage,
                "used": usage / guardrail.limit if _has_share(guardrail) else np.nan,
                "slack": free,
                "weeks_broken": float(mine[f"violated.{name}"].sum()),
                "weeks": len(mine),
                "price": float(late[f"price.{name}"].mean()),
            }
        )
    if not rows:
        return View(missing="This world has no guardrails: add some to its scenario, or run `fintech`.")
    note = f"Usage and price: mean of the last {RECENT_WEEKS} weeks over seeds, by true means. Weeks: of all seeds."
    return View(pd.DataFrame(rows), note)


def world_of(results: Results) -> Scenario:
    """The world of the study. Raises LogError where its configuration is none that this version reads."""
    return _world(str(results.path), (results.path / "config.json").stat().st_mtime)


@lru_cache(maxsize=8)
def _world(path: str, _: float) -> Scenario:
    return config_of(Results.open(path)).world()


def _has_share(guardrail: Guardrail) -> bool:
    return guardrail.limit > 0 and guardrail.relative_to is None and guardrail.sense == "<="
