"""A policy of one line per arm, fitted to scores: the softmax of its lines earns the most on average.

`max mean_i sum_a pi_i(a) score_ia - pull |lines|^2` by gradient ascent (L-BFGS) from the uniform policy: policy
learning by inverse propensity or doubly robust scores (Swaminathan and Joachims 2015; Athey and Wager 2021).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["PULL", "fit_softmax", "softmax"]

Floats = NDArray[np.float64]

PULL = 1.0
"""Penalty on squared lines, in standard deviations of the scores over the root of the rows; assumed: the noise of one
row of scores, so that lines are only as steep as the rows can tell."""

STEPS = 200


def softmax(logits: Floats, allowed: NDArray[np.bool_] | None) -> Floats:
    """(n, k) probabilities; arms that are not allowed get 0."""
    held = logits if allowed is None else np.where(allowed, logits, -np.inf)
    out: Floats = np.exp(held - held.max(axis=1, keepdims=True))
    out /= out.sum(axis=1, keepdims=True)
    return out


def fit_softmax(design: Floats, scores: Floats, allowed: NDArray[np.bool_] | None) -> Floats:
    """(1 + d, k) lines. design: (n, 1 + d), standardised; scores, allowed: (n, k)."""
    from scipy.optimize import minimize

    n, k = scores.shape
    scale = float(scores.std()) or 1.0
    centred = (scores - scores.mean(axis=1, keepdims=True)) / scale
    shape, pull = (design.shape[1], k), PULL / np.sqrt(n)

    def loss(flat: Floats) -> tuple[float, Floats]:
        lines = flat.reshape(shape)
        probs = softmax(design @ lines, allowed)
        gain = np.einsum("nk,nk->n", probs, centred)
        slope = design.T @ (probs * (centred - gain[:, None])) / n
        sloped = slope - 2 * pull * lines / design.shape[1]
        return float(-gain.mean() + pull * (lines**2).sum() / design.shape[1]), -sloped.ravel()

    found = minimize(loss, np.zeros(shape).ravel(), jac=True, method="L-BFGS-B", options={"maxiter": STEPS})
    lines: Floats = found.x.reshape(shape)
    return lines
