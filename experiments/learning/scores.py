"""What each arm would have brought each row, as an unbiased guess that one row alone can give.

`ips`: `1(a = arm) (r - b) / p + b` with b the rows' weighted mean reward, which no policy can change but which keeps
large rewards from drowning the choice (a constant control variate). `dr`: `q_a + 1(a = arm) (r - q_a) / p` with a
cross-fitted q (Dudik, Langford and Li 2011; Athey and Wager 2021).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from experiments import reward_model

__all__ = ["How", "arm_scores"]

How = Literal["ips", "dr"]
Floats = NDArray[np.float64]


def arm_scores(
    how: How,
    features: Floats,
    arm: NDArray[np.int64],
    propensity: Floats,
    outcome: Floats,
    folds: NDArray[np.int64],
    k: int,
) -> Floats:
    """(n, k) scores whose mean under any policy estimates its value. Raises LogError where folds are too few."""
    weight = 1 / propensity
    if how == "dr":
        scores = reward_model.cross_fit(features, arm, outcome, folds, k, dtype=np.float64)
    else:
        scores = np.full((len(arm), k), float((weight * outcome).sum() / weight.sum()))
    rows = np.arange(len(arm))
    found: Floats = scores.astype(np.float64)
    found[rows, arm] += weight * (outcome - found[rows, arm])
    return found
