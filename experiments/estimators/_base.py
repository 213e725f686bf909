"""What an estimator is: per-row terms whose means it combines into a value.

The combination is smooth, so its gradient turns the terms into influence functions, and sums of those over a
user's rows into an interval (Hampel 1974; cluster sums as in Liang and Zeger 1986).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from experiments.estimators._recipe import Recipe

__all__ = ["Estimand", "Estimator", "Floats", "Ratio", "Rows", "Sum"]

Floats = NDArray[np.float64]
Estimand = Literal["step", "path", "distribution"]
"""What a number is of: one week under the target in the states that the log's policy made; all weeks under the target
from the first on; or the distribution of what a row brings, one week under the target."""


@dataclass(frozen=True, eq=False)
class Rows:
    """A stretch of the log beside one target policy; what several estimators use is worked out once."""

    arm: NDArray[np.int64]  # (n,)
    propensity: Floats  # (n,), in (0, 1]
    reward: Floats  # (n,), the metric's column
    target: NDArray[np.floating]  # (n, k), rows sum to 1
    q: NDArray[np.floating] | None = None  # (n, k), expected reward of every arm
    present: NDArray[np.bool_] | None = None  # (n,) False once the user has left; None: all present
    prepared: Mapping[Recipe, Floats] = field(default_factory=dict)  # what was asked for, (n,) or (n, columns) each

    @cached_property
    def _taken(self) -> NDArray[np.int64]:
        k = self.target.shape[1]
        return np.arange(0, len(self.arm) * k, k, dtype=np.int64) + self.arm

    @cached_property
    def ones(self) -> Floats:
        """(n,) of 1: the weights of an estimator that weighs nobody."""
        return np.ones(len(self.arm))

    @cached_property
    def here(self) -> Floats:
        """(n,) 1 where the user is present, else 0."""
        return self.ones if self.present is None else self.present.astype(np.float64)

    @cached_property
    def reward_of_departed(self) -> Floats:
        """(n,) the reward where the user has left, else 0."""
        return np.zeros(len(self.arm)) if self.present is None else np.where(self.present, 0.0, self.reward)

    @cached_property
    def match(self) -> Floats:
        """(n,) target probability of the arm that was taken."""
        return np.take(self.target, self._taken).astype(np.float64, copy=False)

    @cached_property
    def weight(self) -> Floats:
        """(n,) importance weights: `match / propensity`."""
        weight: Floats = self.match / self.propensity
        return weight

    @cached_property
    def weighted_reward(self) -> Floats:
        """(n,) `weight * reward`."""
        return self.weight * self.reward

    @cached_property
    def model_value(self) -> Floats:
        """(n,) what the reward model expects of the target: `sum_a target q`."""
        expected: Floats = np.einsum("nk,nk->n", self.target, self._model).astype(np.float64, copy=False)
        return expected

    @cached_property
    def weighted_residual(self) -> Floats:
        """(n,) `weight * (reward - q of the arm taken)`."""
        return self.weight * self.residual

    @cached_property
    def residual(self) -> Floats:
        """(n,) `reward - q of the arm taken`."""
        residual: Floats = self.reward - np.take(self._model, self._taken)
        return residual

    def taken(self, per_arm: NDArray[np.floating]) -> Floats:
        """(n,) the entry of the arm that was taken. per_arm: (n, k)."""
        return np.take(per_arm, self._taken).astype(np.float64, copy=False)

    def asked(self, recipe: Recipe) -> Floats:
        """What the recipe made of the whole log, for these rows: (n,) or (n, columns)."""
        if recipe not in self.prepared:
            raise TypeError(f"{recipe} was not prepared: name it in the `asks` of the estimator's class")
        return self.prepared[recipe]

    @property
    def _model(self) -> NDArray[np.floating]:
        if self.q is None:
            raise TypeError("this estimator reads a reward model: set needs_q = True on its class")
        return self.q


class Estimator(ABC):
    """One off-policy estimator. Its parameters are the fields of a frozen dataclass; its file is its name.

    Return arrays kept by `Rows` where one fits: an array that several estimators share is summed once.
    """

    needs_propensity: ClassVar[bool] = True
    needs_q: ClassVar[bool] = False
    shrinks: ClassVar[bool] = False  # bends its weights on purpose, so only the raw ones can be held to a mean of 1
    estimand: ClassVar[Estimand] = "step"
    model_only: ClassVar[bool] = False  # no weights correct its model, so untried arms are guesswork
    note: ClassVar[str] = ""  # what a reader must know of every number it gives

    @property
    def asks(self) -> tuple[Recipe, ...]:
        """What must be worked out from the whole log before the pass."""
        return ()

    @abstractmethod
    def terms(self, rows: Rows) -> tuple[Floats, ...]:
        """m arrays (n,), one number per row each."""

    def weights(self, rows: Rows) -> Floats:
        """(n,) how much each row counts; effective sample size reads it, and so does the mean-weight check.

        An estimator that shrinks is held to a mean of 1 by `rows.weight` instead.
        """
        return rows.weight

    @abstractmethod
    def value(self, means: Floats) -> float:
        """The estimate from the terms' means (m,); nan where it does not exist."""

    @abstractmethod
    def gradient(self, means: Floats) -> Floats:
        """(m,) derivatives of `value` by the terms' means."""


class Sum(Estimator):
    """The sum of its terms' means."""

    def value(self, means: Floats) -> float:
        """`sum means`."""
        return float(means.sum())

    def gradient(self, means: Floats) -> Floats:
        """All 1."""
        return np.ones_like(means)


class Ratio(Estimator):
    """The mean of its first term over the mean of its second."""

    def value(self, means: Floats) -> float:
        """`means[0] / means[1]`."""
        return float(means[0] / means[1]) if means[1] else math.nan

    def gradient(self, means: Floats) -> Floats:
        """`(1, -value) / means[1]`."""
        value = self.value(means)
        return np.array([1.0, -value]) / means[1] if means[1] else np.full(2, math.nan)
