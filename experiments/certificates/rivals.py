"""Two certificates in common use that certify unsafe targets too often: what a proof is held against, never an answer.

Both read the same slack of users as `proof.log_evidence`.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from experiments.certificates.proof import log_evidence

__all__ = ["by_capped_loss", "by_delta"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def by_delta(slack: Floats, alpha: float) -> Bools:
    """(...) certified because the mean slack lies enough standard errors above 0. slack: (..., n) users.

    A log that happened to miss the rare large losses shows a high mean and a small standard error at once.
    """
    stderr = slack.std(axis=-1, ddof=1) / math.sqrt(slack.shape[-1])
    return np.asarray(slack.mean(axis=-1) > NormalDist().inv_cdf(1 - alpha) * stderr, np.bool_)


def by_capped_loss(kept: Floats, weighted_loss: Floats, cap: float, alpha: float) -> Bools:
    """(...) certified by the same bets, with losses above `cap` counted as `cap`, which makes the worst case mild.

    kept, weighted_loss: (..., n) users' weighted `limit x den` and numerator; cap: in weighted units.
    """
    return np.asarray(log_evidence(kept - np.minimum(weighted_loss, cap), cap) >= math.log(1 / alpha), np.bool_)
