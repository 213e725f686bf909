"""How many users a certificate takes: before there is a log from the bounds alone, and afterwards from its spread."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from experiments.certificates.claim import Claim
from experiments.certificates.proof import POINTS
from experiments.monitors.betting import log_mean_exp, stakes

__all__ = ["from_log", "users_needed"]

Floats = NDArray[np.float64]


def users_needed(claim: Claim, mean_denominator: float, size: float | None = None) -> int | None:
    """Users of one row each after which the claim is about as likely certified as not; planned from bounds.

    The truth lies `claim.aim` below the limit; losses come in pieces of `size` (the largest there can be, by default,
    which is the hardest case); the target's arm is drawn with probability `claim.floor`.
    """
    piece = claim.most if size is None else size
    chance = (claim.limit - claim.aim) * mean_denominator / piece
    stake = stakes(claim.heaviest * claim.most, POINTS)
    kept = np.log1p(stake * claim.heaviest * claim.limit * mean_denominator)
    lost = np.log1p(stake * claim.heaviest * (claim.limit * mean_denominator - piece))
    return _enough(claim.floor * ((1 - chance) * kept + chance * lost), claim.alpha)


def from_log(slack: Floats, worst: float, aim: float, alpha: float) -> int | None:
    """The same for users like these, moved so that their mean slack is `aim`. slack: (n,), >= -worst.

    A log that has not met its largest losses shows too little spread, so this is a least number.
    None: no number would do.
    """
    moved = np.maximum(slack + (aim - slack.mean()), -worst)
    stake = stakes(worst, POINTS)
    return _enough(np.array([np.log1p(s * moved).mean() for s in stake]), alpha)


def _enough(growth: Floats, alpha: float) -> int | None:
    """Users until the mixture's wealth, growing at these rates a user, reaches 1 / alpha; None if it never does."""
    if growth.max() <= 0:
        return None
    short = 0
    long = math.ceil((math.log(1 / alpha) + math.log(len(growth))) / float(growth.max()))  # the best stake does alone
    while long - short > 1:
        middle = (short + long) // 2
        short, long = (short, middle) if float(log_mean_exp(middle * growth)) >= math.log(1 / alpha) else (middle, long)
    return long
