"""From everybody assigned to whoever took up an offer, and why the others got none."""

from __future__ import annotations

import numpy as np
import pandas as pd

from agents.interface import Reason
from experiments.exhibits.lived import LivedWeek

__all__ = ["REASON", "UNSTATED", "funnel"]

REASON = "reason."
"""Begins the columns that count present users by the reason of their decision."""

UNSTATED = "unstated"
"""The reason of agents that give none."""


def funnel(lived: LivedWeek) -> pd.DataFrame:
    """One row of head-counts: assigned, present, reachable (some offer is allowed), by reason, offered, redeemed.

    Reasons count present users once each; `by_chance` those among the offered whose reason is not an offer's.
    """
    log, decision, here = lived.log, lived.decision, lived.log.present
    stated = len(decision.reason) > 0
    counts = np.bincount(decision.reason[here] if stated else [], minlength=len(Reason))
    chosen = np.isin(decision.reason, [Reason.TARGETED, Reason.EXPLORED]) if stated else here
    reachable = here & (lived.truth.observation.action_mask[:, 1:] > 0).any(axis=1)
    row: dict[str, int] = {"week": log.week, "assigned": log.n, "present": int(here.sum())}
    row["reachable"] = int(reachable.sum())
    row |= {f"{REASON}{reason.name.lower()}": int(counts[reason]) for reason in Reason}
    row[f"{REASON}{UNSTATED}"] = 0 if stated else int(here.sum())
    row["offered"] = int(lived.offered.sum())
    row["by_chance"] = int((lived.offered & ~chosen).sum())
    row["redeemed"] = int((log.columns["redeemed"][lived.offered] > 0).sum())
    return pd.DataFrame([row])
