"""Quantiles and tails of what a row brings under the target, with the influence of every row on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from experiments import reward_model
from experiments.estimators._base import Floats
from experiments.estimators._recipe import Recipe, Whole

__all__ = ["Distribution"]

BAND = 1.96
"""Standard errors of the distribution function over which its slope is read (Woodruff 1952)."""


@dataclass(frozen=True)
class Distribution(Recipe):
    """(n,) numbers whose mean is the quantile, or the mean of the lowest share, of the rewards under the target.

    One step from a weighted quantile y: `y - (F(y) - level) / f(y)`, F doubly robust with a cross-fitted model of
    `r <= y`; the tail mean is `y - mean (y - r)+ / level`, doubly robust alike (Huang et al. 2021; Kallus, Mao and
    Uehara 2019). f is the slope of the weighted distribution between the ends of Woodruff's interval.
    """

    level: float  # in (0, 1)
    tail: bool = False

    def work(self, log: Whole) -> Floats:
        """Ridge, one line per arm; nothing but y where rewards do not vary around it."""
        order = np.argsort(log.reward, kind="stable")
        mass = np.cumsum(log.weight[order])
        if not mass[-1] > 0:
            return np.full(len(log.arm), np.nan)

        def at(level: float) -> float:
            place = int(np.searchsorted(mass, np.clip(level, 0.0, 1.0) * mass[-1] * (1 - 1e-12)))
            return float(log.reward[order[min(place, len(order) - 1)]])

        y = at(self.level)
        if self.tail:
            return y - _doubly_robust(log, np.maximum(y - log.reward, 0.0)) / self.level
        off = _doubly_robust(log, (log.reward <= y).astype(np.float64)) - self.level
        half = BAND * _stderr(log, off)
        low, high = at(self.level - half), at(self.level + half)
        return y - off * ((high - low) / (2 * half)) if half > 0 else np.full(len(off), y)


def _doubly_robust(log: Whole, outcome: Floats) -> Floats:
    """(n,) terms of dr for this outcome in place of the reward."""
    q = reward_model.cross_fit(log.features, log.arm, outcome, log.folds, log.k, dtype=np.float64)
    q = np.where(log.gone[:, None], outcome[:, None], q)
    taken = np.take_along_axis(q, log.arm[:, None], axis=1)[:, 0]
    terms: Floats = np.einsum("nk,nk->n", log.target, q) + log.weight * (outcome - taken)
    return terms


def _stderr(log: Whole, terms: Floats) -> float:
    """Standard error of the terms' mean, by user."""
    count = np.bincount(log.user)
    sums = np.bincount(log.user, weights=terms) - count * terms.mean()
    return float(np.sqrt(sums @ sums)) / len(terms)
