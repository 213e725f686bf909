"""From which chance on somebody is flagged, when a missed case costs many times what a false alarm does.

For a chance that is calibrated the answer is 1 / (1 + w) with w the price of a miss in false alarms (Elkan 2001);
`cheapest` finds it on rows the model has not seen, so that a chance that is not quite calibrated costs little.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rage_env.errors import LogError

__all__ = ["Threshold", "cheapest"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Threshold:
    """Flag from `chance` on. cost: of misses and false alarms, in false alarms a row, beside those of simple rules."""

    chance: float
    weight: float  # a miss in false alarms
    cost: float
    cost_of_none: float
    cost_of_all: float
    recall: float
    precision: float


def cheapest(chance: Floats, event: NDArray[np.bool_], weight: float, least_precision: float = 0.0) -> Threshold:
    """The threshold of least cost among those with at least this precision; the most precise where none has it.

    chance, event: (n,) of rows the model was not fitted on. weight: a miss in false alarms. Raises LogError for a
    weight that is not above 0, and without a single event.
    """
    if not (np.isfinite(weight) and weight > 0):
        raise LogError(f"threshold: a miss must weigh more than 0 false alarms, got {weight:g}")
    if not event.any():
        raise LogError(f"threshold: needs rows with the event, got none among {len(event)}; give a longer log")
    order = np.argsort(-chance, kind="stable")
    last = np.append(np.flatnonzero(np.diff(chance[order]) < 0), len(order) - 1)  # ties are flagged together
    hits = event[order].cumsum()[last]
    flagged = last + 1.0
    precision, rows = hits / flagged, float(len(event))
    cost = (weight * (event.sum() - hits) + flagged - hits) / rows
    allowed = precision >= least_precision
    best = int(np.argmin(np.where(allowed, cost, np.inf))) if allowed.any() else int(np.argmax(precision))
    return Threshold(
        chance=float(chance[order][last[best]]),
        weight=weight,
        cost=float(cost[best]),
        cost_of_none=float(weight * event.mean()),
        cost_of_all=float(1 - event.mean()),
        recall=float(hits[best] / event.sum()),
        precision=float(precision[best]),
    )
