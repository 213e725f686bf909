"""What some estimators need from the whole log before the pass over its rows: fitted weights, models, paths.

A recipe is asked once per policy and outcome, however many estimators name it. Whatever it fits is fitted on other
folds of users than the rows it is used for.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from experiments.estimators._base import Floats

__all__ = ["Recipe", "Whole"]


@dataclass(frozen=True, eq=False)
class Whole:
    """A log beside one policy and one outcome, all rows at once."""

    arm: NDArray[np.int64]  # (n,)
    propensity: Floats  # (n,)
    reward: Floats  # (n,)
    target: NDArray[np.floating]  # (n, k); departed users get arm 0
    present: NDArray[np.bool_] | None  # (n,) None: everybody
    user: NDArray[np.int64]  # (n,) codes from 0
    logged: NDArray[np.floating] | None  # (n, k) probabilities that the log drew from, where it kept them
    read_features: Callable[[], Floats]  # (n, d)
    read_folds: Callable[[], NDArray[np.int64]]  # (n,) by user
    read_week: Callable[[], NDArray[np.int64]]  # (n,) codes that rise with time

    @cached_property
    def features(self) -> Floats:
        """(n, d)."""
        return self.read_features()

    @cached_property
    def folds(self) -> NDArray[np.int64]:
        """(n,) the fold of each row's user."""
        return self.read_folds()

    @property
    def k(self) -> int:
        """Arms."""
        return int(self.target.shape[1])

    @cached_property
    def match(self) -> Floats:
        """(n,) target probability of the arm that was taken."""
        return np.take_along_axis(self.target, self.arm[:, None], axis=1)[:, 0].astype(np.float64, copy=False)

    @cached_property
    def weight(self) -> Floats:
        """(n,) importance weights of single weeks."""
        weight: Floats = self.match / self.propensity
        return weight

    @cached_property
    def weeks(self) -> tuple[NDArray[np.int64], ...]:
        """Rows of each week, in order of time."""
        week = self.read_week()
        order = np.argsort(week, kind="stable")
        starts = np.flatnonzero(np.diff(week[order])) + 1
        return tuple(np.split(order, starts))

    @cached_property
    def gone(self) -> NDArray[np.bool_]:
        """(n,) rows of users who have left."""
        return np.zeros(len(self.arm), np.bool_) if self.present is None else ~self.present

    def splits(self) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
        """For each fold: rows (n,) to fit on, and rows (n,) to use the fit for."""
        for fold in np.unique(self.folds):
            mine = self.folds == fold
            yield ~mine, mine


class Recipe(ABC):
    """How to work something out; a frozen dataclass, so that equal recipes are worked once."""

    @abstractmethod
    def work(self, log: Whole) -> Floats:
        """(n,) or (n, columns), one row per row of the log. Raises LogError where the log does not hold enough."""
