"""Labels that are wrong: true fraud that nobody reports, and honest-looking purchases that first-party users dispute.

The loss of an unreported case is still lost; a false report brings a report, a dispute and a charge-back without any
fraud. Together they are why a fraud label is not the truth even once it is mature.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rage_env.randomness import Draw
from rage_env.ranges import Share
from rage_env.week import Columns, MechanismParams, Week

__all__ = ["GIVES", "PARENTS", "REVISES", "Params", "draw", "mean"]

PARENTS = ("active", "fraud_reports", "fraud_disputes")
GIVES: tuple[str, ...] = ()
REVISES = ("fraud_reports", "fraud_disputes")


class Params(MechanismParams):
    """unreported: share of true cases never reported. false_reports: per active week of each fraud type."""

    unreported: float = Field(ge=0, le=1)
    false_reports: tuple[Share, Share, Share, Share]


def _false_rate(week: Week, params: Params) -> NDArray[np.float64]:
    """(n,) probability of a false report in an active week."""
    return np.array(params.false_reports).take(week.traits.fraud_type)


def draw(week: Week, params: Params) -> Columns:
    """Reports and disputes as the labels will show them."""
    reports, disputes = week.now["fraud_reports"], week.now["fraud_disputes"]
    kept = reports.copy()
    cases = np.flatnonzero(reports)
    luck = week.noise.uniform64(Draw.LABELS)
    kept[cases] *= luck[cases] >= params.unreported
    false = (reports == 0) & (week.now["active"] > 0) & (luck < _false_rate(week, params))
    silenced = (reports > 0) & (kept == 0)
    told = np.where(silenced, np.float32(0), disputes) + false
    return {"fraud_reports": kept + false, "fraud_disputes": told.astype(np.float32)}


def mean(week: Week, params: Params) -> Columns:
    """Thinned true cases, and false ones where no true case is."""
    reports = week.now["fraud_reports"]
    false = (week.now["active"] - reports) * _false_rate(week, params)
    told = 1 - params.unreported
    return {"fraud_reports": told * reports + false, "fraud_disputes": told * week.now["fraud_disputes"] + false}
