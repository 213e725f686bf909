"""Quantiles and tails of a user-week's value under a target, as cdf_dr found them and as the rows themselves show them.

A distribution has no conditional mean to be marked by. Its truth is what each row would have brought under the target
with the luck that was drawn: as many draws as the log has rows.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments import estimators
from experiments.against_truth.lived import Lived
from experiments.estimators._discovery import Spec

__all__ = ["ASKED_OF", "QUESTIONS", "tails", "true_tail"]

ASKED_OF = ("nobody", "everybody")
QUESTIONS: Mapping[str, Mapping[str, float]] = {
    "median": {"quantile": 0.5},
    "best tenth begins at": {"quantile": 0.9},
    "mean of the worst twentieth": {"cvar": 0.05},
}
"""What cdf_dr is asked, by its parameters."""

KEPT = ("seed", "target", "question", "value", "lower", "upper", "stderr", "ess", "evaluable", "truth")


def tails(found: Lived, seed: int) -> pd.DataFrame:
    """One row for each question about each of ASKED_OF. truth: usd a user-week, realised in the log's own rows."""
    specs: list[Spec] = [{"kind": "cdf_dr", **asked} for asked in QUESTIONS.values()]
    parts = []
    for target in ASKED_OF:
        said = estimators.evaluate(found.table, found.targets[target], specs, clusters="unit")
        truth = [true_tail(found.realised[target], asked) for asked in QUESTIONS.values()]
        parts.append(said.assign(question=list(QUESTIONS), target=target, truth=truth))
    return pd.concat(parts, ignore_index=True).assign(seed=seed)[list(KEPT)]


def true_tail(values: NDArray[np.floating], asked: Mapping[str, float]) -> float:
    """The quantile, or the mean of the lowest share, of these values."""
    level = asked.get("cvar", asked.get("quantile", 0.5))
    y = float(np.quantile(values, level, method="inverted_cdf"))
    return y - float(np.maximum(y - values, 0.0).mean()) / level if "cvar" in asked else y
