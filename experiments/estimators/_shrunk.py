"""Estimators that bend large importance weights on purpose: less variance for some bias.

A bent weight no longer averages to 1, so the log's support is still judged by the raw weights, while the effective
sample size counts the bent ones.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from experiments.estimators._base import Floats, Rows, Sum
from rage_env.errors import ConfigError

__all__ = ["CAPS", "ShrunkCorrection", "ShrunkSum", "harmonic", "refuse_outside"]

CAPS = (math.inf, 300.0, 100.0, 50.0, 20.0, 10.0, 5.0, 2.0, 1.0)
"""How heavy a row may get in the candidates of a tuned estimator: about even steps on a log scale, assumed.

It ends at 1: with less, a log would no longer say much of the reward model that it is to correct.
"""


@dataclass(frozen=True)
class ShrunkSum(Sum):
    """Mean of the rewards under bent weights."""

    lambda_: float  # how far
    shrinks = True
    grid: ClassVar[tuple[float, ...]]  # lambdas to choose from: unbent first, ever more bent

    @abstractmethod
    def bend(self, weight: Floats) -> Floats:
        """(n,) what the estimator makes of the importance weights; 0 stays 0."""

    def weights(self, rows: Rows) -> Floats:
        """The bent ones."""
        return self.bend(rows.weight)

    def terms(self, rows: Rows) -> tuple[Floats, ...]:
        """`bend(w) r`."""
        return (self.weights(rows) * rows.reward,)


@dataclass(frozen=True)
class ShrunkCorrection(ShrunkSum):
    """The direct method, corrected by the residuals under bent weights."""

    needs_q = True

    def terms(self, rows: Rows) -> tuple[Floats, ...]:
        """`sum_a pi q` and `bend(w) (r - q)`."""
        return rows.model_value, self.weights(rows) * rows.residual


def harmonic(weight: Floats, share: float) -> Floats:
    """(n,) `w / (1 - share + share w)`: the harmonic mean of w and 1 with 1 counting `share`; a weight of 0 stays 0."""
    below: Floats = 1 - share + share * weight
    return np.divide(weight, below, out=np.zeros_like(weight), where=below > 0)


def refuse_outside(kind: str, value: float, least: float, most: float = math.inf) -> None:
    """Raise ConfigError unless the estimator's lambda lies in [least, most]."""
    if not least <= value <= most:
        rule = f"in [{least:g}, {most:g}]" if math.isfinite(most) else f"{least:g} or more"
        raise ConfigError(f"estimator {kind}: lambda must be {rule}, got {value}; leave it out for the default")
