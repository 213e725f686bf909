"""Single users: every week of a life with its decision, and what each arm would have been worth."""

from __future__ import annotations

import pandas as pd

from experiments.results import Results
from experiments.views.sample import arms_in
from experiments.views.view import View, sampled

__all__ = ["counterfactual", "propensities", "users_kept", "weeks_of"]

_SHOWN = (
    "week", "present", "arm", "propensity", "reason", "realised_usd", "net_revenue_usd", "loss_usd", "active",
    "transactions", "gmv", "bonus_cost", "contact_cost", "redeemed", "churned",
)  # fmt: skip


def users_kept(lives: pd.DataFrame) -> pd.DataFrame:
    """user_id, archetype, weeks, offers, value: a row a user whose life was kept, most valuable first."""
    groups = lives.groupby("user_id", sort=False)
    table = pd.DataFrame(
        {
            "archetype": groups["archetype"].first(),
            "weeks": groups["present"].sum(),
            "offers": lives["arm"].ne(arms_in(lives)[0]).groupby(lives["user_id"], sort=False).sum(),
            "value": groups["realised_usd"].sum(),
        }
    )
    return table.reset_index().sort_values("value", ascending=False, kind="stable", ignore_index=True)


def weeks_of(results: Results, agent: str, user_id: int) -> View:
    """A row a week of one user: the decision, and what the week brought, usd."""
    view = sampled(results, "lives", agent)
    if not view.here:
        return view
    mine = view.table[view.table["user_id"] == user_id]
    if not len(mine):
        return View(missing=f"User {user_id} is not among those whose lives were kept. {view.note}")
    return View(mine.reset_index(drop=True), view.note)


def shown(life: pd.DataFrame) -> pd.DataFrame:
    """The columns of a life that are read as they are."""
    return life[[c for c in _SHOWN if c in life.columns]]


def propensities(life: pd.DataFrame) -> pd.DataFrame:
    """week, arm, probability: with which each arm was drawn, after guardrails."""
    return _by_arm(life, "prob", "probability")


def counterfactual(life: pd.DataFrame) -> pd.DataFrame:
    """week, arm, expected, believed, taken: usd of the week under each arm, given the life lived up to it.

    expected: the truth; believed: the agent's, beyond no_offer, where it forms one. Means, not single draws: what one
    user would have done under two arms at once is fixed by no law.
    """
    table = _by_arm(life, "value", "expected")
    none = arms_in(life)[0]
    base = table[table["arm"] == none].set_index("week")["expected"]
    table["uplift"] = table["expected"] - table["week"].map(base)
    if f"believed.{none}" in life.columns:
        table["believed"] = _by_arm(life, "believed", "believed")["believed"]
    taken = life.set_index("week")["arm"]
    table["taken"] = table["arm"] == table["week"].map(taken)
    return table


def _by_arm(life: pd.DataFrame, what: str, name: str) -> pd.DataFrame:
    wide = life.set_index("week")[[f"{what}.{arm}" for arm in arms_in(life)]]
    wide.columns = arms_in(life)
    return wide.rename_axis(columns="arm").stack().rename(name).reset_index()
