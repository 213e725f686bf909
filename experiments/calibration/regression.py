"""Regression adjustment of simulated draws: what parameters were, had their moments come out as observed.

Beaumont, Zhang and Balding (2002), "Approximate Bayesian computation in population genetics", equations 4-6: near
draws weigh by an Epanechnikov kernel of their distance, a weighted line from moments to parameters is fitted, and every
draw is moved along it to the observed moments. Residuals are those of a line fitted without the draw itself: with some
twenty moments and a few hundred draws the plain ones are too small, and intervals from them cover too seldom.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from experiments.facts.panel import Floats

__all__ = ["KEEP", "Posterior", "adjust"]

KEEP = 0.6
"""Share of the draws that count, the nearest ones."""


@dataclass(frozen=True, eq=False)
class Posterior:
    """Weighted draws of p parameters, on the line."""

    draws: Floats  # (m, p)
    weights: Floats  # (m,) sum to 1

    @property
    def mean(self) -> Floats:
        """(p,)"""
        out: Floats = self.weights @ self.draws
        return out

    @property
    def sd(self) -> Floats:
        """(p,)"""
        out: Floats = np.sqrt(self.weights @ (self.draws - self.mean) ** 2)
        return out

    def quantile(self, share: float) -> Floats:
        """(p,) the value below which this share of the weight lies, parameter by parameter."""
        order = np.argsort(self.draws, axis=0)
        below = np.cumsum(self.weights[order], axis=0) - 0.5 * self.weights[order]
        ordered = np.take_along_axis(self.draws, order, axis=0)
        return np.array([np.interp(share, below[:, j], ordered[:, j]) for j in range(self.draws.shape[1])])

    def rank(self, truth: Floats) -> Floats:
        """(p,) share of the weight below the truth: uniform over repetitions where the posterior is right."""
        out: Floats = self.weights @ (self.draws < truth)
        return out

    def resampled(self, m: int, rng: np.random.Generator) -> Floats:
        """(m, p) draws by weight."""
        out: Floats = self.draws[rng.choice(len(self.draws), m, p=self.weights)]
        return out


def adjust(theta: Floats, moments: Floats, observed: Floats, keep: float = KEEP, *, regress: bool = True) -> Posterior:
    """Draws nearest to what was observed, moved to it. theta: (m, p), moments: (m, s), observed: (s,).

    keep: share of draws that count. regress=False leaves them where they are: rejection alone.
    """
    spread = moments.std(axis=0)
    off = (moments - observed) / np.where(spread > 0, spread, 1.0)
    distance = np.sqrt((off**2).mean(axis=1))
    reach = np.quantile(distance, keep) * (1 + 1e-9) + 1e-12
    weights = np.maximum(1 - (distance / reach) ** 2, 0.0)
    near = weights > 0
    theta, off, weights = theta[near], off[near], weights[near]
    if regress:
        theta = _moved(theta, off, np.sqrt(weights)[:, None])
    return Posterior(theta, weights / weights.sum())


def _moved(theta: Floats, off: Floats, root: Floats) -> Floats:
    """(m, p) the line's answer where `off` is zero, plus every draw's residual from a line that never saw it."""
    known = np.column_stack([np.ones(len(off)), off])
    left, sizes, right = np.linalg.svd(root * known, full_matrices=False)
    real = sizes > 1e-8 * sizes[0]  # moments that repeat each other count once
    left, sizes, right = left[:, real], sizes[real], right[real]
    line = right.T @ ((left.T @ (root * theta)) / sizes[:, None])
    leverage = (left**2).sum(axis=1)[:, None]
    out: Floats = line[0] + (theta - known @ line) / np.maximum(1 - leverage, 1e-3)
    return out
