"""Who is compared with whom, and what was known of them before: CUPED by regression within groups.

The slope is pooled within groups and estimated anew at each look (Deng et al. 2013); as covariates are fixed before
exposure, the estimate is at every look the same weighted sum of users' values. Residuals are divided by
sqrt(1 - leverage), HC2 of MacKinnon & White (1985), which pays for the slopes; degrees of freedom are those of Bell &
McCaffrey (2002): Welch's where nothing is adjusted and variances are equal, n - 1 for paired differences.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Arms", "Comparison", "compared"]

Floats = NDArray[np.float64]
Arms = NDArray[np.bool_] | None

_COLLINEAR = 1e-9  # share of a covariate's size under which what is left of it is rounding
_ROUNDING = 1e-12  # share of what was taken away under which a residual is rounding; sums over 1e7 users stay below
_FEW = 64  # users that tell a spread from rounding in nearly all data


@dataclass(frozen=True, eq=False)
class Comparison:
    """Weights that turn users' values into a difference of groups, or into a mean where `arms` is None.

    basis: (..., q, n) covariates, orthonormal and centred within groups; None where there are none.
    gap: (..., q) by how much groups differ in them. scale: (..., n) from a residual to its term in the error.
    freedom: (...) degrees of freedom.
    """

    arms: Arms
    basis: Floats | None
    gap: Floats | None
    scale: Floats
    freedom: Floats

    @property
    def n(self) -> int:
        """Users."""
        return int(self.scale.shape[-1])

    @property
    def smallest_arm(self) -> int:
        """Users in the smaller group; all of them where there is one."""
        return self.n if self.arms is None else min(int(self.arms.sum()), int((~self.arms).sum()))

    def fit(self, x: Floats) -> tuple[Floats, Floats]:
        """Adjusted difference (...) and residuals (..., n) of x (..., n)."""
        estimate, centre = _means(x, self.arms)
        residual = x - centre
        if self.basis is None or self.gap is None:
            return _without_rounding(estimate, residual, self._level(centre))
        slope = np.einsum("...qn,...n->...q", self.basis, residual)
        residual -= np.einsum("...q,...qn->...n", slope, self.basis)
        estimate = np.asarray(estimate - (self.gap * slope).sum(axis=-1), np.float64)
        taken = self._level(centre) + np.sqrt((slope**2).sum(axis=-1) / self.n)
        return _without_rounding(estimate, residual, taken)

    def _level(self, centre: Floats) -> Floats:
        """(...) the larger size of the groups' means. centre: (..., n) or (..., 1), the mean of each user's group."""
        of = [0] if self.arms is None else [int(self.arms.argmax()), int(self.arms.argmin())]
        return np.asarray(np.abs(centre[..., of]).max(axis=-1), np.float64)


def _without_rounding(estimate: Floats, residual: Floats, taken: Floats) -> tuple[Floats, Floats]:
    """0 where users differ in nothing but rounding, which else would pass for a tiny spread around a sure effect.

    estimate: (...); residual: (..., n); taken: (...) size of what was taken away from users' values.
    """
    n = residual.shape[-1]
    if (np.abs(residual[..., :_FEW]).max(axis=-1) > _ROUNDING * np.sqrt(n) * taken).all():
        return estimate, residual  # one user far enough off is a spread
    flat = np.sqrt(np.einsum("...n,...n->...", residual, residual) / n) <= _ROUNDING * taken
    if not flat.any():
        return estimate, residual
    nothing = flat & (np.abs(estimate) <= _ROUNDING * taken)
    return np.where(nothing, 0.0, estimate), np.where(flat[..., None], 0.0, residual)


def compared(n: int, arms: Arms, covariate: Floats | None = None) -> Comparison:
    """Users as they are compared. covariate: (..., n), from before exposure; NaN for users who had no before.

    Newcomers get covariate 0 and an indicator, so that they shift no slope.
    """
    sizes, sign = _sizes(n, arms), 1.0 if arms is None else np.where(arms, 1.0, -1.0)
    basis, gap = (None, None) if covariate is None else _orthonormal(_columns(covariate), arms)
    weight, leverage = np.asarray(sign / sizes, np.float64), 1 / sizes
    if basis is not None and gap is not None:
        weight = weight - np.einsum("...q,...qn->...n", gap, basis)
        leverage = leverage + np.einsum("...qn,...qn->...n", basis, basis)
    left = np.maximum(1 - leverage, 1e-12)
    scale = np.asarray(weight / np.sqrt(left), np.float64)
    return Comparison(arms, basis, gap, scale, _freedom(scale**2, left, sizes, arms, basis))


def _freedom(a: Floats, left: Floats, sizes: Floats, arms: Arms, basis: Floats | None) -> Floats:
    """(...) 2 mean^2 / variance of sum(a residual^2), values normal and alike. a, left: (..., n); left: 1 - leverage.

    The variance is twice the sum over pairs of a_i a_j (residual maker's entry)^2, here without its n x n matrix.
    """
    mean = (a * left).sum(axis=-1)
    pairs = (a**2 * (2 * left - 1)).sum(axis=-1)
    groups = [np.ones(len(sizes), np.bool_)] if arms is None else [arms, ~arms]
    for members in groups:
        m = members.sum()
        pairs = pairs + (a[..., members].sum(axis=-1) / m) ** 2
        if basis is not None:
            pull = np.einsum("...n,...qn->...q", a[..., members], basis[..., members])
            pairs = pairs + 2 / m * (pull**2).sum(axis=-1)
    if basis is not None:
        inner = np.einsum("...n,...pn,...qn->...pq", a, basis, basis, optimize=True)
        pairs = pairs + (inner**2).sum(axis=(-2, -1))
    return np.asarray(np.maximum(mean**2 / np.maximum(pairs, 1e-300), 1.0), np.float64)


def _columns(covariate: Floats) -> Floats:
    """(..., q, n) the covariate with newcomers at 0, and who they are where there are any."""
    new = np.isnan(covariate)
    if not new.any():
        return np.asarray(covariate[..., None, :], np.float64)
    return np.asarray(np.stack([np.where(new, 0.0, covariate), new.astype(np.float64)], axis=-2), np.float64)


def _orthonormal(columns: Floats, arms: Arms) -> tuple[Floats, Floats]:
    """(..., q, n) columns less their group means, each made orthogonal to those before; (..., q) gaps between groups.

    A column that adds nothing becomes 0.
    """
    size = np.sqrt((columns**2).sum(axis=-1))
    gap, centre = _means(columns, arms)
    basis = columns - centre
    for j in range(basis.shape[-2]):
        for k in range(j):
            overlap = np.einsum("...n,...n->...", basis[..., k, :], basis[..., j, :])
            basis[..., j, :] -= overlap[..., None] * basis[..., k, :]
            gap[..., j] -= overlap * gap[..., k]
        norm = np.sqrt((basis[..., j, :] ** 2).sum(axis=-1))
        share = np.where(norm > _COLLINEAR * size[..., j], 1 / np.maximum(norm, 1e-300), 0.0)
        basis[..., j, :] *= share[..., None]
        gap[..., j] *= share
    return np.asarray(basis, np.float64), np.asarray(gap, np.float64)


def _sizes(n: int, arms: Arms) -> Floats:
    """(n,) users in the group of each."""
    if arms is None:
        return np.full(n, float(n))
    return np.asarray(np.where(arms, arms.sum(), (~arms).sum()), np.float64)


def _means(x: Floats, arms: Arms) -> tuple[Floats, Floats]:
    if arms is None:
        mean = x.mean(axis=-1)
        return mean, mean[..., None]
    up, down = x @ (arms / arms.sum()), x @ (~arms / (~arms).sum())
    return up - down, np.where(arms, up[..., None], down[..., None])
