"""Wealth of bets against a null: logs of products over users, mixed over stakes, turned into evidence.

For a fixed stake the product over users and weeks of (1 + stake x) stays small while the expected sum of x given
the past does not exceed 0; Ville's inequality bounds how often a mixture of such products ever gets large.
Waudby-Smith & Ramdas (2020), arXiv 2010.09686.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["LARGEST_BET", "log_growth", "log_mean_exp", "stakes"]

Floats = NDArray[np.float64]

LARGEST_BET = 0.9  # share of the wealth that the worst outcome may take
SMALLEST_STAKE = 1e-4  # as a share of the largest
_BLOCK = 256  # factors in [.1, 2] multiplied before one logarithm: 1e-256 to 1e77, inside the floats
_WIDTH = 64  # blocks worked on at a time: 16,384 users, which stay in cache


def stakes(worst_loss: float, points: int = 24) -> Floats:
    """(points,) log-spaced stakes, falling; the first loses `LARGEST_BET` of the wealth where x = -worst_loss."""
    return np.asarray(np.geomspace(1.0, SMALLEST_STAKE, points) * (LARGEST_BET / worst_loss), np.float64)


def log_growth(x: Floats, stake: Floats) -> Floats:
    """(..., l) sums over users of log(1 + stake x). x: (..., n), at least -LARGEST_BET / max(stake); stake: (l,).

    Products of blocks need one logarithm in 256 users; the few x that could overflow a block get their own.
    """
    lead, n = x.shape[:-1], x.shape[-1]
    rows = x.reshape(-1, n)
    big = rows * stake.max() > 1.0
    total = _blocks(np.where(big, 0.0, rows) if big.any() else rows, stake)
    row, column = np.nonzero(big)
    for j, s in enumerate(stake):
        total[:, j] += np.bincount(row, np.log1p(s * rows[row, column]), minlength=len(rows))
    return total.reshape(*lead, len(stake))


def log_mean_exp(log_wealth: Floats) -> Floats:
    """(...) log of the mean over the last axis of exp(log_wealth), without overflow."""
    peak = log_wealth.max(axis=-1)
    return np.asarray(peak + np.log(np.exp(log_wealth - peak[..., None]).mean(axis=-1)), np.float64)


def _blocks(rows: Floats, stake: Floats) -> Floats:
    """(r, l) sums of log(1 + stake x) over rows (r, n) whose factors all lie in [.1, 2]."""
    r, n = rows.shape
    blocks = math.ceil(n / _BLOCK)
    users = np.zeros((blocks * _BLOCK, r))  # a factor of 1 fills up the last block
    users[:n] = rows.T
    padded = users.reshape(_BLOCK, blocks * r)  # a column is one block of one row
    product = np.empty((len(stake), blocks * r))
    for first in range(0, blocks * r, _WIDTH):
        part = np.ascontiguousarray(padded[:, first : first + _WIDTH])
        factor = np.empty_like(part)
        for j, s in enumerate(stake):
            np.multiply(part, s, out=factor)
            factor += 1.0
            np.multiply.reduce(factor, axis=0, out=product[j, first : first + _WIDTH])
    return np.asarray(np.log(product).reshape(len(stake), blocks, r).sum(axis=1).T, np.float64)
