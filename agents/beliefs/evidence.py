"""How wide effects are, judged by the data: prior precisions raised where the evidence for spread is poor.

Empirical Bayes for ridge regressions (MacKay 1992; Efron and Morris 1973): of a grid of multiples of the declared
precision, one for averages and one for slopes of the effects, the one that maximises log evidence plus a weak
log-normal prior on the multiples, so that a few noisy weeks do not close the question.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

if TYPE_CHECKING:
    from agents.beliefs.linear import Structure

__all__ = ["by_evidence", "log_evidence"]

Floats = NDArray[np.float64]
_MULTIPLES = (1.0, 4.0, 16.0, 64.0, 256.0)
_DOUBT = np.log(16.0)  # sd of the log of a multiple, a priori


def by_evidence(structure: Structure, gram: Floats, moment: Floats) -> Structure:
    """The structure with the precisions of effects that the sums (groups, p, p) and (groups, p) support best.

    The first coefficient of a block is its average, all others are slopes; blocks that enter no effect stay.
    """
    asked = (structure.effect != 0).any(axis=0)
    best, most = structure, -np.inf
    for average, slope in product(_MULTIPLES, _MULTIPLES):
        precision = structure.precision.copy()
        precision[asked, 0] *= average
        precision[asked, 1:] *= slope
        tried = replace(structure, precision=precision)
        prior = -0.5 * float((np.log([average, slope]) ** 2).sum()) / _DOUBT**2
        score = log_evidence(tried, gram, moment) + prior
        if score > most + 1e-9:
            best, most = tried, score
    return best


def log_evidence(structure: Structure, gram: Floats, moment: Floats) -> float:
    """ln p(data | structure) up to a constant: (ln |Lambda| - ln |V| + m' V^-1 m) / 2."""
    member = structure.member
    blocks, p = structure.precision.shape
    precision = np.einsum("gi,gj,gpq->ipjq", member, member, gram).reshape(blocks * p, blocks * p)
    precision[np.diag_indices(blocks * p)] += structure.precision.ravel()
    root = np.linalg.cholesky(precision)
    half = solve_triangular(root, (member.T @ moment).ravel(), lower=True)
    return float(0.5 * np.log(structure.precision).sum() - np.log(np.diag(root)).sum() + 0.5 * half @ half)
