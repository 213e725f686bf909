"""A cost-sensitive risk model on the 104 features, out of sample; and the least area of a ROC curve through a point."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.showcase._severity import Programme

__all__ = ["least_area", "risk"]

_OTHER_SEED = 50_000  # of the cohort a model is fitted on: its seed lies so far away
_CUT = 0.18  # chance of being late from which a case is flagged: missing one costs about five false alarms (assumed)


def risk(programme: Programme) -> dict[str, float]:
    """{claim: figure} of a model fitted on another cohort, on the panel of this one."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score

    features, late = _labelled(Programme(programme.seed + _OTHER_SEED, 2 * programme.users))
    model = HistGradientBoostingClassifier(
        max_iter=120, learning_rate=0.06, max_leaf_nodes=15, min_samples_leaf=60, random_state=0
    ).fit(features, late)
    features, late = _labelled(programme)
    chance = model.predict_proba(features)[:, 1]
    flagged = chance >= _CUT
    recall, precision = float(flagged[late].mean()), float(late[flagged].mean())
    return {
        "recall": recall,
        "precision": precision,
        "auc": float(roc_auc_score(late, chance)),
        "least_auc": least_area(0.85, 0.65, 0.316),
    }


def least_area(recall: float, precision: float, prevalence: float) -> float:
    """The smallest area under a concave ROC curve through the point with this recall and precision.

    Its false-positive rate is prevalence x recall x (1 - precision) / precision / (1 - prevalence). The curve lies
    above the chords from (0, 0) and (1, 1) to the point, which enclose (1 + recall - false-positive rate) / 2.
    """
    false_positive = prevalence * recall * (1 - precision) / precision / (1 - prevalence)
    return (1 + recall - false_positive) / 2


def _labelled(programme: Programme) -> tuple[pd.DataFrame, NDArray[np.bool_]]:
    late = programme.late(np.zeros(programme.users, np.int64))
    return programme.table[programme.panel], late[programme.panel]
