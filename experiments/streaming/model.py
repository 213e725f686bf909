"""The ridge reward model from sums alone: what one pass over a log leaves of it is all that the fit needs.

The same lines as those of `reward_model.cross_fit`, up to rounding, cross-fitted in the same folds of users.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.reward_model import RIDGE
from rage_env.errors import LogError

__all__ = ["FoldLines", "RidgeSums"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FoldLines:
    """One line an arm for each fold, fitted on the others. lines: {outcome: (folds, 1 + d, k)} on centred features."""

    centre: Floats  # (d,)
    lines: dict[str, Floats]

    def predict(self, outcome: str, features: Floats, fold: NDArray[np.int64]) -> Floats:
        """(n, k) expected outcome of every arm."""
        design = np.column_stack([np.ones(len(features)), features - self.centre])
        lines = self.lines[outcome]
        out: Floats = design @ lines[0]
        for other in range(1, len(lines)):
            mine = fold == other
            out[mine] = design[mine] @ lines[other]
        return out


class RidgeSums:
    """Sums of squares and products by fold and arm. Remembers nothing that grows with the rows."""

    def __init__(self, d: int, k: int, folds: int, outcomes: Sequence[str], centre: Floats | None = None) -> None:
        self.k, self.folds, self.outcomes = k, folds, tuple(outcomes)
        self.gram = np.zeros((folds, k, 1 + d, 1 + d))
        self.product = {c: np.zeros((folds, k, 1 + d)) for c in outcomes}
        self.centre = centre  # near the mean, so that squares lose no digits; that of the first block if not given

    def add(
        self, features: Floats, arm: NDArray[np.int64], fold: NDArray[np.int64], outcome: dict[str, Floats]
    ) -> None:
        """Take in a block. features: (n, d); arm, fold, outcome[c]: (n,)."""
        if self.centre is None:
            self.centre = features.mean(axis=0)
        design = np.column_stack([np.ones(len(features)), features - self.centre])
        cell = fold * self.k + arm
        order = np.argsort(cell, kind="stable")
        bounds = np.searchsorted(cell[order], np.arange(self.folds * self.k + 1))
        for at in range(self.folds * self.k):
            rows = order[bounds[at] : bounds[at + 1]]
            if len(rows):
                mine, (f, a) = design[rows], divmod(at, self.k)
                self.gram[f, a] += mine.T @ mine
                for name, y in outcome.items():
                    self.product[name][f, a] += mine.T @ y[rows]

    def merge(self, other: RidgeSums) -> None:
        """Take in what other sums around the same centre have taken in."""
        self.gram += other.gram
        for name, product in other.product.items():
            self.product[name] += product

    def fit(self) -> FoldLines:
        """Lines of every fold. Raises LogError where all rows fell into one fold."""
        if self.centre is None or np.count_nonzero(self.gram[:, :, 0, 0].sum(axis=1)) < 2:
            raise LogError("cross-fitting: all rows fell into one fold; give a log of more users")
        scale = self._scale()
        lines = {c: np.stack([self._lines(c, fold, scale) for fold in range(self.folds)]) for c in self.outcomes}
        return FoldLines(self.centre, lines)

    def _scale(self) -> Floats:
        """(1 + d, 1 + d) from centred features to standardised ones; columns that never vary become 0."""
        whole = self.gram.sum(axis=(0, 1))
        n = whole[0, 0]
        mean = whole[0, 1:] / n
        variance = np.diag(whole)[1:] / n - mean**2
        steady = variance <= 1e-12 * np.maximum(np.diag(whole)[1:] / n, 1e-300)
        spread = np.sqrt(np.where(steady, 1.0, variance))
        out = np.eye(len(whole))
        out[1:, 1:] = np.diag(np.where(steady, 0.0, 1 / spread))
        out[0, 1:] = np.where(steady, 0.0, -mean / spread)
        return out

    def _lines(self, outcome: str, fold: int, scale: Floats) -> Floats:
        """(1 + d, k) on centred features: each arm's line, shrunk towards that of all arms together."""
        others = [f for f in range(self.folds) if f != fold]
        gram = scale.T @ self.gram[others].sum(axis=0) @ scale  # (k, 1 + d, 1 + d)
        product = self.product[outcome][others].sum(axis=0) @ scale  # (k, 1 + d)
        pull = RIDGE * np.eye(len(scale))
        free = pull.copy()
        free[0, 0] = 0.0
        pooled = np.linalg.solve(gram.sum(axis=0) + free, product.sum(axis=0))
        lines = [pooled + np.linalg.solve(gram[a] + pull, product[a] - gram[a] @ pooled) for a in range(self.k)]
        found: Floats = scale @ np.stack(lines, axis=1)
        return found
