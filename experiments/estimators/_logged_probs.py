"""The probabilities of all arms that a log drew from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from experiments.estimators._base import Floats
from experiments.estimators._recipe import Recipe, Whole
from rage_env.errors import LogError

__all__ = ["LoggedProbs"]


@dataclass(frozen=True)
class LoggedProbs(Recipe):
    """(n, k) as logged. Raises LogError where the log kept only the propensity of the arm taken."""

    def work(self, log: Whole) -> Floats:
        """The `prob_*` columns."""
        if log.logged is None:
            raise LogError(
                "estimator mips: groups of arms need the probability of every arm, and the log has no prob_* columns; "
                "log them, or leave the groups out"
            )
        return log.logged.astype(np.float64)
