"""Differences of user means: their errors, how looks hang together, adjustment, and when not to trust them.

All take users on the last axis, so that one call serves one stream or thousands of replications.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from experiments.monitors.adjustment import Arms, Comparison, compared

__all__ = [
    "USERS_PER_SKEW2",
    "Arms",
    "Comparison",
    "Contrast",
    "chain_correlation",
    "compared",
    "contrast",
    "kept_for_later",
    "linearised",
    "look_correlations",
    "too_skewed",
]

Floats = NDArray[np.float64]

USERS_PER_SKEW2 = 355.0
"""Users an arm needs per squared skewness before its mean is normal enough: Kohavi et al. (2014), rule of thumb."""

_NOISE_SDS = 2.0  # sampling noise of a correlation between distant looks that is not taken for smoothness
_SMALLEST_TAIL = 1e-300  # z ends at 37


@dataclass(frozen=True, eq=False)
class Contrast:
    """Estimates (...) and terms (..., n): squares of terms sum to a variance, products of two looks to a covariance.

    freedom: (...) degrees of freedom of that variance.
    """

    estimate: Floats
    terms: Floats
    freedom: Floats

    @property
    def stderr(self) -> Floats:
        """(...) standard errors."""
        return np.asarray(np.sqrt(np.einsum("...n,...n->...", self.terms, self.terms)), np.float64)

    @property
    def z(self) -> Floats:
        """(...) estimates in standard errors, moved from Student's law to the normal one; 0 where nothing differs."""
        stderr = self.stderr
        t = np.abs(self.estimate) / np.where(stderr > 0, stderr, 1.0)
        tail = np.maximum(stdtr(self.freedom, -t), _SMALLEST_TAIL)
        return np.asarray(np.where(stderr > 0, -np.sign(self.estimate) * ndtri(tail), 0.0), np.float64)

    def reach(self, bound: float) -> float:
        """How far from the estimate |z| stays under `bound`: the half-width of the interval that goes with it."""
        stderr = float(self.stderr)
        if not np.isfinite(bound) or stderr == 0:
            return np.inf
        return -float(stdtrit(self.freedom, max(float(ndtr(-bound)), _SMALLEST_TAIL))) * stderr


def contrast(x: Floats, arms: Arms | Comparison) -> Contrast:
    """Mean of x (..., n), or treated minus control mean where `arms` says who is treated, adjusted for covariates.

    Variances are unpooled, and unbiased where users are alike: HC2 of MacKinnon & White (1985).
    """
    who = arms if isinstance(arms, Comparison) else compared(x.shape[-1], arms)
    estimate, residual = who.fit(x)
    residual *= who.scale
    return Contrast(estimate, residual, who.freedom)


def linearised(value: Floats, size: Floats, arms: Arms) -> Floats:
    """(..., n) whose group means are sum(value) / sum(size) and whose spread is that of these ratios (delta method).

    0 in a group without any size. Deng et al. (2018), arXiv 1803.06336.
    """
    out = np.zeros(np.broadcast_shapes(value.shape, size.shape))
    for members in [np.ones(value.shape[-1], np.bool_)] if arms is None else [arms, ~arms]:
        mine, sizes = value[..., members], size[..., members]
        total = sizes.sum(axis=-1, keepdims=True)
        ratio = mine.sum(axis=-1, keepdims=True) / np.where(total > 0, total, 1.0)
        mean = np.where(total > 0, total / sizes.shape[-1], 1.0)
        out[..., members] = np.where(total > 0, ratio + (mine - ratio * sizes) / mean, 0.0)
    return out


def kept_for_later(x: Floats, now: Contrast, who: Comparison) -> Floats:
    """(n,) what later looks are correlated with: users' values themselves where nothing is adjusted, else terms."""
    return x if who.basis is None else now.terms


def look_correlations(now: Contrast, earlier: Sequence[Floats], stderr: Sequence[float], who: Comparison) -> Floats:
    """(l,) correlations of the estimate `now` with those of earlier looks. earlier: what was kept of each (n,)."""
    pull = now.terms * who.scale if who.basis is None else now.terms  # sums to 0 in each arm: no need to centre
    products = np.array([pull @ kept for kept in earlier], np.float64)
    return np.asarray(products / (np.asarray(stderr) * float(now.stderr)), np.float64)


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
