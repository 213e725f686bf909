"""Bayesian ridge regressions, one for each group (arm), in batch: one Gram matrix and one Cholesky a week.

With weights w = 1 / noise variance, V_k = Lambda + sum w x x', theta_k = V_k^-1 sum w x y and V_k^-1 is the
posterior covariance (Li et al. 2010, LinUCB; Agrawal and Goyal 2013). Groups may also share a common part,
theta_k = shared + own_k, from the same sums (Lindley and Smith 1972). Forgetting is a separate step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from agents.beliefs.evidence import by_evidence

__all__ = ["Posterior", "Ridge", "Ridges", "Structure", "spread"]

Floats = NDArray[np.float64]
Rows = NDArray[np.float32]
_CHUNK = 2_048


@dataclass(frozen=True, eq=False)
class Structure:
    """How groups share coefficients. theta_g = sum of the blocks b with member[g, b] = 1.

    member: (groups, blocks) of 0 and 1. effect: (a, blocks), the sums of blocks that are asked for.
    precision: (blocks, p), prior precision of each block.
    """

    member: Floats
    effect: Floats
    precision: Floats

    @classmethod
    def separate(cls, groups: int, precision: Floats) -> Structure:
        """Every group for itself."""
        return cls(np.eye(groups), np.eye(groups), np.tile(precision, (groups, 1)))

    @classmethod
    def against_control(cls, k: int, baseline: Floats, common: Floats, own: Floats) -> Structure:
        """Arms 1.. against arm 0: a correction of the baseline in all arms, a part common to offers, one of each.

        The effects asked for are those of arms 1..: common + own.
        """
        member = np.concatenate([np.ones((k, 1)), np.ones((k, 1)), np.eye(k)[:, 1:]], axis=1)
        member[0, 1] = 0.0
        effect = member[1:].copy()
        effect[:, 0] = 0.0
        return cls(member, effect, np.stack([baseline, common] + [own] * (k - 1)))


@dataclass(frozen=True, eq=False)
class Posterior:
    """Beliefs on effects: mean (a, p), covariance (a, p, p) of each, and what joint draws need."""

    mean: Floats
    covariance: Floats
    stacked_mean: Floats  # (blocks * p,)
    cholesky: Floats  # lower, of the joint precision of all blocks
    effect: Floats  # (a, blocks)

    def expected(self, x: Rows) -> Floats:
        """(n, a) expected outcome of each effect at rows x (n, p)."""
        return (x @ self.mean.T.astype(np.float32)).astype(np.float64)

    def sd(self, x: Rows) -> Floats:
        """(n, a) s_ik = sqrt(x' V_k^-1 x)."""
        if not len(self.covariance):
            return np.zeros((len(x), 0))
        return _spreads(x, self.covariance)

    def draw(self, rng: np.random.Generator, count: int) -> Floats:
        """(count, a, p) joint draws; effects are correlated where they share a block."""
        noise = rng.standard_normal((len(self.stacked_mean), count))
        stacked = self.stacked_mean[:, None] + solve_triangular(self.cholesky, noise, trans="T", lower=True)
        blocks = stacked.T.reshape(count, self.effect.shape[1], -1)
        return np.asarray(np.einsum("ab,cbp->cap", self.effect, blocks), dtype=np.float64)


class Ridge:
    """Regressions of groups under one prior. Remembers a Gram matrix and a moment for each group.

    adapt: let the data say how wide the prior of effects is, within what was declared.
    """

    def __init__(self, structure: Structure, *, adapt: bool = False) -> None:
        self.structure, self.adapt = structure, adapt
        groups, p = len(structure.member), structure.precision.shape[1]
        self.gram = np.zeros((groups, p, p))
        self.moment = np.zeros((groups, p))
        self.rows = np.zeros(groups)

    def update(self, x: Rows, group: NDArray[np.integer], y: NDArray[np.floating], weight: Rows) -> None:
        """Take in rows x (n, p) of `group` (n,) with outcome y (n,) and weight 1 / noise variance (n,)."""
        for g in range(len(self.rows)):
            mine = np.flatnonzero(group == g)
            if len(mine):
                xw = x[mine] * weight[mine, None].astype(np.float32)
                self.gram[g] += xw.T @ x[mine]
                self.moment[g] += xw.T.astype(np.float64) @ y[mine].astype(np.float64)
                self.rows[g] += len(mine)

    def forget(self, keep: float) -> None:
        """Let past weeks count `keep` times as much; the prior does not fade."""
        self.gram *= keep
        self.moment *= keep
        self.rows *= keep

    def posterior(self) -> Posterior:
        """The beliefs that prior and data give."""
        structure = by_evidence(self.structure, self.gram, self.moment) if self.adapt else self.structure
        return _solved(structure, self.gram, self.moment[None])[0]

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """State as plain arrays."""
        return {"gram": self.gram, "moment": self.moment, "rows": self.rows}

    def restore(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Inverse of arrays."""
        for name in ("gram", "moment", "rows"):
            setattr(self, name, np.array(arrays[name], dtype=np.float64))


class Ridges:
    """Regressions of several outcomes on the same rows: one Gram matrix for each group serves them all.

    Remembers Gram matrices (groups, p, p) and moments (outcomes, groups, p).
    """

    def __init__(self, structure: Structure, outcomes: int) -> None:
        self.structure = structure
        groups, p = len(structure.member), structure.precision.shape[1]
        self.gram, self.moment = np.zeros((groups, p, p)), np.zeros((outcomes, groups, p))

    def update(self, x: Rows, group: NDArray[np.integer], y: NDArray[np.floating]) -> None:
        """Take in rows x (n, p) of `group` (n,) with outcomes y (n, outcomes), all of weight 1."""
        for g in range(len(self.gram)):
            mine = np.flatnonzero(group == g)
            if len(mine):
                rows = x[mine]
                self.gram[g] += rows.T @ rows
                self.moment[:, g] += y[mine].astype(np.float32).T @ rows

    def forget(self, keep: float) -> None:
        """Let past weeks count `keep` times as much; the prior does not fade."""
        self.gram *= keep
        self.moment *= keep

    def posteriors(self) -> tuple[Posterior, ...]:
        """The beliefs on each outcome; they share their covariance."""
        return _solved(self.structure, self.gram, self.moment)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """State as plain arrays."""
        return {"gram": self.gram, "moment": self.moment}

    def restore(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Inverse of arrays."""
        for name in ("gram", "moment"):
            setattr(self, name, np.array(arrays[name], dtype=np.float64))


def _solved(structure: Structure, gram: Floats, moments: Floats) -> tuple[Posterior, ...]:
    """Posteriors at moments (outcomes, groups, p): one Cholesky factor for all."""
    member, effect = structure.member, structure.effect
    blocks, p = structure.precision.shape
    precision = np.einsum("gi,gj,gpq->ipjq", member, member, gram).reshape(blocks * p, blocks * p)
    precision[np.diag_indices(blocks * p)] += structure.precision.ravel()
    root = np.linalg.cholesky(precision)
    half = solve_triangular(root, np.eye(len(root)), lower=True)
    joint = (half.T @ half).reshape(blocks, p, blocks, p)
    covariance = np.einsum("ai,aj,ipjq->apq", effect, effect, joint)
    means = [half.T @ (half @ (member.T @ moment).ravel()) for moment in moments]
    return tuple(Posterior(effect @ m.reshape(blocks, p), covariance, m, root, effect) for m in means)


def spread(x: Rows, covariance: Floats) -> Floats:
    """(n,) sqrt(x' C x), by a square root of C so that rounding cannot make it negative."""
    return _spreads(x, covariance[None])[:, 0]


def _spreads(x: Rows, covariance: Floats) -> Floats:
    """(n, a) sqrt(x' C_a x) for covariances (a, p, p): one product for all, squared while it is still in cache."""
    a, p = covariance.shape[:2]
    loaded = covariance + 1e-12 * np.trace(covariance, axis1=1, axis2=2)[:, None, None] / p * np.eye(p)
    roots = np.concatenate([np.linalg.cholesky(c) for c in loaded], axis=1).astype(np.float32)  # (p, a p)
    out, ones = np.empty((len(x), a)), np.ones(p, np.float32)
    for first in range(0, len(x), _CHUNK):
        half = x[first : first + _CHUNK] @ roots
        np.square(half, out=half)
        out[first : first + _CHUNK] = (half.reshape(-1, p) @ ones).reshape(-1, a)
    return np.sqrt(out, out=out)
