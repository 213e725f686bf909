"""Borrowers followed for a year: how lateness lasts, and how rarely it is cured the longer it has lasted."""

from __future__ import annotations

import numpy as np

from experiments.facts.late import cure_after, current_to_late, falls_strictly, late_correlations
from experiments.facts.panel import Floats, live
from rage_env.cohort import CohortEnv

__all__ = ["arrears"]

_MONTHS, _WEEKS = 13, 4


def arrears(seed: int, users: int) -> dict[str, float]:
    """{claim: figure} of borrowers left alone for 13 months of four weeks, who neither left nor defaulted."""
    env = CohortEnv(users, "pre_delinquency", weeks=_MONTHS * _WEEKS)
    env.reset(seed=seed)
    panel = live(env, _MONTHS * _WEEKS, ("late", "defaulted", "loss_credit"))
    defaulted, loss = panel.column("defaulted"), panel.column("loss_credit")
    stayed = panel.present[-1] & ~env.lives.more["in_default"]
    late = by_month(panel.column("late"))[:, stayed]
    told = {f"lag_{k}": float(r) for k, r in enumerate(late_correlations(late), start=1)}
    cures = np.array([cure_after(late, months) for months in (1, 2, 3)])
    told |= {f"cure_{k}": float(c) for k, c in enumerate(cures, start=1)}
    told |= {f"missed_at_{k}": 1 - c for k, c in ((1, float(cures[0])), (2, float(cures[1])))}
    costs = loss[defaulted > 0]
    return told | {
        "cures_fall": float(falls_strictly(cures)),
        "current_to_late": current_to_late(late),
        "default_cost": float(costs.mean()),
        "default_cost_inside": float(((costs >= 5_000) & (costs <= 50_000)).mean()),
    }


def by_month(weekly: Floats) -> Floats:
    """(m, n) 1 where a payment was missed in the month. weekly: (4 m, n)."""
    return np.asarray(weekly.reshape(-1, _WEEKS, weekly.shape[1]).max(axis=1), np.float64)
