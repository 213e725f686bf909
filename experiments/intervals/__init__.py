"""Intervals beside the influence function's: bootstraps over users for skewed columns, finite-sample ones by bounds."""

from experiments.intervals.bootstrap import RESAMPLED, Resampled, resample
from experiments.intervals.bounded import by_bernstein, by_betting, by_clopper_pearson
from experiments.intervals.finite import FINITE, finite_interval
from experiments.intervals.rare_losses import Declared, rare_losses

__all__ = [
    "FINITE",
    "RESAMPLED",
    "Declared",
    "Resampled",
    "by_bernstein",
    "by_betting",
    "by_clopper_pearson",
    "finite_interval",
    "rare_losses",
    "resample",
]
