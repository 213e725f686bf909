"""Makes a biased log of a trial: rows kept so that an arm went rather to some, with the propensities that this gives.

A trial with even chances, its rows kept with the chance that a biased policy would have drawn their arm, is a log of
that policy, and its truth is the trial's own effect.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments import reward_model
from experiments.estimators._log import numbers
from experiments.log_source import LogSource

__all__ = ["ranked", "thinned"]

Floats = NDArray[np.float64]


def ranked(source: LogSource, arm: int, outcome: str) -> tuple[pd.DataFrame, Floats]:
    """Rows of `arm` (now 1) and of arm 0, and their places (m,) in (-1, 1) by out-of-fold prediction of the outcome."""
    taken = numbers(source.table, "arm")
    table = source.table.filter((taken == 0) | (taken == arm))
    folds = reward_model.folds_of(table["user_id"])
    y = numbers(table, outcome).astype(np.float64)
    nobody = np.zeros(len(y), np.int64)  # one model for all: what is to be expected of a row, whatever is done
    q = reward_model.cross_fit(reward_model.features_of(table), nobody, y, folds, 1)[:, 0]
    two = table.select([c for c in table.column_names if not c.startswith("prob_")]).to_pandas()
    two = two.assign(arm=(two["arm"] == arm).astype(int))
    return two, np.asarray(2 * (q.argsort(kind="stable").argsort() + 0.5) / len(q) - 1)


def thinned(two: pd.DataFrame, place: Floats, slope: float, seed: int) -> pd.DataFrame:
    """The log of a policy that draws arm 1 with chance 1 / (1 + exp(slope x place)): low places first."""
    chance = 1 / (1 + np.exp(slope * place))
    taken = np.where(two["arm"] == 1, chance, 1 - chance)
    keep = np.random.default_rng(seed).random(len(two)) < taken
    return two.assign(propensity=taken)[keep]
