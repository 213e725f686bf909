"""Weights along a user's weeks: how much likelier the target made all that the user was offered so far."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from experiments.estimators._base import Floats
from experiments.estimators._recipe import Recipe, Whole

__all__ = ["PathWeights", "WeeklyMeans"]


@dataclass(frozen=True)
class PathWeights(Recipe):
    """(n, 2) products of a user's weights: of the weeks before the row, and through the row's own."""

    def work(self, log: Whole) -> Floats:
        """Week by week, in order of time; a week that a user has no row in changes nothing."""
        so_far = np.ones(int(log.user.max()) + 1)
        out = np.empty((len(log.arm), 2))
        for rows in log.weeks:
            who = log.user[rows]
            out[rows, 0] = so_far[who]
            so_far[who] *= log.weight[rows]
            out[rows, 1] = so_far[who]
        return out


@dataclass(frozen=True)
class WeeklyMeans(Recipe):
    """(n, 2) of the row's week: the mean path weight of its rows, and their mean reward under path weights."""

    def work(self, log: Whole) -> Floats:
        """nan where all path weights of a week are 0."""
        through = PathWeights().work(log)[:, 1]
        out = np.empty((len(log.arm), 2))
        for rows in log.weeks:
            w = through[rows]
            mean = float(w.mean())
            out[rows] = mean, float((w * log.reward[rows]).mean()) / mean if mean else np.nan
        return out
