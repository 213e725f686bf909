"""Differences of user means: their errors, how looks hang together, adjustment, and when not to trust them.

All take users on the last axis, so that one call serves one stream or thousands of replications.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "USERS_PER_SKEW2",
    "Arms",
    "Contrast",
    "chain_correlation",
    "contrast",
    "contrast_scale",
    "cuped",
    "look_correlations",
    "too_skewed",
]

Floats = NDArray[np.float64]
Arms = NDArray[np.bool_] | None

USERS_PER_SKEW2 = 355.0
"""Users an arm needs per squared skewness before its mean is normal enough: Kohavi et al. (2014), rule of thumb."""

_NOISE_SDS = 2.0  # sampling noise of a correlation between distant looks that is not taken for smoothness


@dataclass(frozen=True, eq=False)
class Contrast:
    """Estimates (...) and terms (..., n): squares of terms sum to a variance, products of two looks to a covariance."""

    estimate: Floats
    terms: Floats

    @property
    def stderr(self) -> Floats:
        """(...) standard errors."""
        return np.asarray(np.sqrt(np.einsum("...n,...n->...", self.terms, self.terms)), np.float64)


def contrast_scale(n: int, arms: Arms) -> Floats:
    """(n,) factor from a deviation to its term: 1 / sqrt(m (m - 1)) in a group of m units, minus for control."""
    if arms is None:
        return np.full(n, 1 / np.sqrt(n * (n - 1.0)))
    m = np.where(arms, arms.sum(), (~arms).sum()).astype(np.float64)
    return np.asarray(np.where(arms, 1.0, -1.0) / np.sqrt(m * (m - 1)), np.float64)


def contrast(x: Floats, arms: Arms) -> Contrast:
    """Mean of x (..., n), or treated minus control mean where `arms` (n,) says who is treated; variances unpooled."""
    estimate, centre = _means(x, arms)
    terms = x - centre
    terms *= contrast_scale(x.shape[-1], arms)
    return Contrast(estimate, terms)


def look_correlations(now: Contrast, earlier: Sequence[Floats], stderr: Sequence[float], arms: Arms) -> Floats:
    """(l,) correlations of the estimate `now` with those made from users' values (n,) at each earlier look."""
    terms = now.terms * contrast_scale(now.terms.shape[-1], arms)  # sum to 0 in each arm: no need to centre
    products = np.array([terms @ values for values in earlier], np.float64)
    return np.asarray(products / (np.asarray(stderr) * float(now.stderr)), np.float64)


def cuped(x: Floats, covariate: Floats | None, arms: Arms) -> Floats:
    """x (..., n) less what the covariate (..., n) foretold, slope pooled within groups (Deng et al. 2013)."""
    if covariate is None:
        return x
    deviation = covariate - _means(covariate, arms)[1]
    spread = np.einsum("...n,...n->...", deviation, deviation)
    slope = np.einsum("...n,...n->...", x, deviation) / np.where(spread > 0, spread, 1.0)
    return np.asarray(x - slope[..., None] * (covariate - covariate.mean(axis=-1, keepdims=True)), np.float64)


def chain_correlation(row: Floats, chain: Floats, n: int) -> tuple[Floats, Floats]:
    """One more look of a Markov chain no more correlated than the looks are; (rho (...), chain (..., l + 1)).

    row: (..., l) correlation of the new look with each earlier one. chain: (..., l) correlation of the latest
    look with each, as taken so far (1 at its end). Where the looks do form a chain, rho is row[..., -1].
    """
    lenient = row + _NOISE_SDS * (1 - row**2) / np.sqrt(n)
    lenient[..., -1] = row[..., -1]
    rho = np.clip((lenient / np.maximum(chain, 1e-12)).min(axis=-1), 0.0, 1.0)
    return rho, np.concatenate([chain * rho[..., None], np.ones((*rho.shape, 1))], axis=-1)


def too_skewed(x: Floats, arms: Arms, users_per_skew2: float = USERS_PER_SKEW2) -> str:
    """Why the mean of x (n,) is not yet normal enough in some arm; empty where it is."""
    groups = {"the cohort": x} if arms is None else {"treatment": x[arms], "control": x[~arms]}
    for name, values in groups.items():
        deviation = values - values.mean()
        variance = float(deviation @ deviation) / len(values)
        if variance == 0:
            continue
        skew = float((deviation * deviation) @ deviation) / len(values) / variance**1.5
        if len(values) < users_per_skew2 * skew**2:
            return (
                f"{len(values)} users in {name}, {users_per_skew2 * skew**2:.0f} needed at skewness {skew:.1f} "
                f"({users_per_skew2:g} x skewness squared); set a cap before the data, or wait"
            )
    return ""


def _means(x: Floats, arms: Arms) -> tuple[Floats, Floats]:
    if arms is None:
        mean = x.mean(axis=-1)
        return mean, mean[..., None]
    up, down = x @ (arms / arms.sum()), x @ (~arms / (~arms).sum())
    return up - down, np.where(arms, up[..., None], down[..., None])
