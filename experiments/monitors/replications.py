"""Many replications of a monitor at once, for tables of false alarms and power: the monitors' own arithmetic on
arrays whose first axis counts replications.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.monitors.betting import log_growth, log_mean_exp
from experiments.monitors.boundaries import next_boundary, spent, start
from experiments.monitors.contrast import Arms, Comparison, chain_correlation, compared, contrast
from experiments.monitors.mixture import mixture_bound, mixture_scale, off_scale

__all__ = ["GroupSequentialPaths", "alarmed", "asymptotic_paths", "group_sequential_paths", "log_evidence_paths"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GroupSequentialPaths:
    """What |z| reached at each look, and what it was held against."""

    z: Floats  # (reps, looks)
    bound: Floats  # (reps, looks)

    @property
    def crossed(self) -> NDArray[np.bool_]:
        """(reps, looks) a boundary was crossed at this look or before."""
        return np.asarray(np.logical_or.accumulate(np.abs(self.z) >= self.bound, axis=1), np.bool_)


def group_sequential_paths(
    means: Floats, arms: Arms | Comparison, alpha: float = 0.05, *, spending: str = "obf", nodes: int = 64
) -> GroupSequentialPaths:
    """Two-sided tests at evenly spaced looks. means: (reps, looks, n) user means; arms: who is compared.

    Nodes are fewer than a monitor's own, for speed; boundaries then agree to 1e-4.
    """
    reps, looks, n = means.shape
    who = arms if isinstance(arms, Comparison) else compared(n, arms)
    now = contrast(means, who)
    terms, stderr = now.terms, now.stderr
    increments = np.diff(spent(np.arange(1, looks + 1) / looks, alpha, 2, spending), prepend=0.0)
    bound, chain, survivors = np.empty((reps, looks)), np.ones((reps, 1)), start()
    for look, spend in enumerate(increments):
        rho = np.zeros(reps)
        if look:
            covariance = (terms[:, :look] @ terms[:, look, :, None])[..., 0]
            row = covariance / (stderr[:, :look] * stderr[:, look, None])
            rho, chain = chain_correlation(row, chain, who.smallest_arm)
        bound[:, look], survivors = next_boundary(survivors, rho, float(spend), 2, nodes)
    return GroupSequentialPaths(now.z, bound)


def asymptotic_paths(
    means: Floats, arms: Arms | Comparison, alpha: float, weeks: int, *, prior: float | None = None
) -> NDArray[np.bool_]:
    """(reps, looks) the asymptotic confidence sequence has left 0 out by this look, refused looks aside.

    means: (reps, looks, n) user means, a look a week; weeks: planned length, or `prior`, variance of effects.
    """
    reps, looks, n = means.shape
    who = arms if isinstance(arms, Comparison) else compared(n, arms)
    now = contrast(means, who)
    terms, stderr = now.terms, now.stderr
    z = now.z
    tested, crossed = np.zeros((reps, looks), np.bool_), np.zeros((reps, looks), np.bool_)
    scale = mixture_scale(stderr[:, 0] ** -2 * weeks / 2, alpha) if prior is None else np.full(reps, prior)
    for look in range(looks):
        covariance = (terms[:, :look] @ terms[:, look, :, None])[..., 0]
        expected = stderr[:, look, None] / stderr[:, :look]
        off = off_scale(covariance / (stderr[:, :look] * stderr[:, look, None]), expected, who.smallest_arm)
        tested[:, look] = (np.where(tested[:, :look], off, 0.0) <= 0).all(axis=1)
        bound = mixture_bound(stderr[:, look] ** -2, scale, alpha)
        crossed[:, look] = tested[:, look] & (np.abs(z[:, look]) >= bound)
    return np.asarray(np.logical_or.accumulate(crossed, axis=1), np.bool_)


def log_evidence_paths(x: Floats, stake: Floats, *, shared_shock: bool = False) -> Floats:
    """(reps, weeks) log evidence of the mixture of bets on x (reps, weeks, n) at stakes (l,)."""
    growth = np.log1p(stake * x.mean(axis=-1)[..., None]) if shared_shock else log_growth(x, stake)
    return log_mean_exp(np.cumsum(growth, axis=1))


def alarmed(log_evidence: Floats, alpha: float = 0.05) -> NDArray[np.bool_]:
    """(reps, weeks) evidence has reached 1 / alpha by this week."""
    return np.asarray(np.maximum.accumulate(log_evidence, axis=1) >= -math.log(alpha), np.bool_)
