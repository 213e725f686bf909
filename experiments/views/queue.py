"""The action queue of a week: whom to reach out to, with what, how urgently, and what it should bring.

A row is a sampled user whom some allowed offer is expected to gain something from. Expectations are the agent's where
it forms any, else the truth. Priority goes by expected impact among the rows; a user contacted within the cool-down
waits. Age counts the weeks in a row, up to this one, in which such an offer was there and none was made.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.views.sample import arms_in
from experiments.views.view import View
from rage_env.errors import LogError

__all__ = ["ACTIONS", "SLA_WEEKS", "audit", "queue", "record"]

ACTIONS = ("approve", "snooze", "reject")
AUDIT = "actions.jsonl"
COOL_DOWN_WEEKS = 2
SLA_WEEKS = {"P1": 1, "P2": 2, "P3": 4}
"""Weeks after which an action of that priority is overdue (assumed)."""

_P1, _P2 = 0.8, 0.5  # quantiles of expected impact


def queue(lives: pd.DataFrame, week: int, cool_down_weeks: int = COOL_DOWN_WEEKS) -> View:
    """user_id, priority, offer, impact, status, age, sla, overdue, since_contact, drawn, reason: best first.

    impact: expected usd of the offer beyond none, this week. drawn: what the agent did.
    """
    now = lives[(lives["week"] == week) & lives["present"]].reset_index(drop=True)
    offer, impact, known = _best(now)
    age = now["user_id"].map(_ages(lives[lives["week"] <= week]))
    since = week - now["user_id"].map(_last_contact(lives, week))
    table = pd.DataFrame(
        {
            "user_id": now["user_id"],
            "offer": offer,
            "impact": impact,
            "age": age,
            "since_contact": since.astype("Int64"),
        }
    )
    table = table.assign(drawn=now["arm"], reason=now["reason"], archetype=now["archetype"])[impact > 0]
    if not len(table):
        return View(missing=f"No offer is expected to gain anything in week {week}; choose another week or agent.")
    high, middle = np.quantile(table["impact"], [_P1, _P2])
    table["priority"] = np.where(table["impact"] >= high, "P1", np.where(table["impact"] >= middle, "P2", "P3"))
    table["sla"] = table["priority"].map(SLA_WEEKS)
    table["overdue"] = table["age"] > table["sla"]
    cooling = (table["since_contact"] < cool_down_weeks).fillna(False)
    table["status"] = np.where(cooling, "cooling down", "ready")
    ordered = table.sort_values(["status", "impact"], ascending=[False, False], kind="stable", ignore_index=True)
    front = [
        "user_id",
        "priority",
        "status",
        "offer",
        "impact",
        "age",
        "sla",
        "overdue",
        "since_contact",
        "drawn",
        "reason",
    ]
    return View(ordered[[*front, "archetype"]], f"Impact: expected usd of this week, {known}.")


def record(folder: Path, action: str, row: dict[str, object], who: str, note: str = "") -> Path:
    """Append what was decided of a row of the queue to `actions.jsonl` in the folder; lines are never changed."""
    if action not in ACTIONS:
        raise LogError(f"audit log: {action!r} is no action; give one of {', '.join(ACTIONS)}")
    line = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "who": who, "action": action, **row, "note": note}
    file = folder / AUDIT
    with file.open("a", encoding="utf-8") as out:
        out.write(json.dumps(line, default=str) + "\n")
    return file


def audit(folder: Path) -> View:
    """What was recorded, latest first. Raises LogError naming a line that is no JSON."""
    file = folder / AUDIT
    if not file.is_file():
        return View(missing="Nothing was decided yet: approve, snooze or reject a row of the queue.")
    rows = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        try:
            rows.append(dict(json.loads(line)))
        except (ValueError, TypeError) as error:
            raise LogError(f"{file}, line {number}: is no JSON object ({error}); mend or remove the line") from error
    return View(pd.DataFrame(rows[::-1]), f"{file}: lines are only ever added.")


def _best(lives: pd.DataFrame) -> tuple[NDArray[np.object_], NDArray[np.float64], str]:
    """(n,) the allowed offer expected to gain most, what it gains, and whose expectation that is."""
    arms = arms_in(lives)
    known = (
        "as the agent believes" if f"believed.{arms[0]}" in lives.columns else "as is true (the agent expects nothing)"
    )
    what = "believed" if known.startswith("as the agent") else "value"
    amounts = lives[[f"{what}.{a}" for a in arms]].to_numpy(np.float64)
    bits = lives["allowed"].to_numpy(np.int64)[:, None] >> np.arange(len(arms)) & 1
    gains = np.where(bits[:, 1:] == 1, amounts[:, 1:] - amounts[:, :1], -np.inf)
    best = gains.argmax(axis=1) if len(gains) else np.empty(0, np.intp)
    return np.array(arms, object)[best + 1], gains[np.arange(len(gains)), best], known


def _ages(until: pd.DataFrame) -> dict[int, int]:
    """{user: weeks in a row, up to the last, in which an offer would gain and none was made}."""
    _, impact, _ = _best(until)
    waits = until[["user_id", "week"]].assign(waits=(impact > 0) & (until["arm"] == arms_in(until)[0]).to_numpy())
    wide = waits.pivot(index="week", columns="user_id", values="waits").sort_index(ascending=False).to_numpy(bool)
    ages = np.where(wide.all(axis=0), len(wide), (~wide).argmax(axis=0))
    return dict(zip(np.sort(waits["user_id"].unique()).tolist(), ages.tolist(), strict=True))


def _last_contact(lives: pd.DataFrame, week: int) -> pd.Series:
    past = lives[(lives["week"] < week) & (lives["arm"] != arms_in(lives)[0])]
    return past.groupby("user_id")["week"].max()
