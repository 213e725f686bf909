"""Likelihood ratios of a drifting Brownian motion, mixed over normal drifts, on the scale of information.

Robbins (1970); in this form Waudby-Smith et al. (2021), arXiv 2103.06476, whose rho squared is `scale` here.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import lambertw

__all__ = ["log_mixture", "mixture_bound", "mixture_scale", "off_scale"]

Floats = NDArray[np.float64]

CORRELATION_ALLOWED = 0.05  # distance from sqrt(I_s / I_t), beyond twice its own sampling error
_NOISE_SDS = 2.0


def mixture_scale(best_information: Floats, alpha: float) -> Floats:
    """(...) the r that makes the sequence tightest where information is `best_information` (...)."""
    return np.asarray((-lambertw(-(alpha**2) / math.e, -1).real - 1) / best_information, np.float64)


def mixture_bound(information: Floats, scale: Floats | float, alpha: float) -> Floats:
    """(...) what |z| is held against. information: (...)."""
    grown = information * scale
    return np.asarray(np.sqrt((1 + 1 / grown) * (2 * math.log(1 / alpha) + np.log1p(grown))), np.float64)


def log_mixture(z: Floats, information: Floats, scale: Floats | float) -> Floats:
    """(...) log evidence; it reaches ln(1/alpha) exactly where |z| reaches the bound."""
    grown = information * scale
    return np.asarray(z**2 * grown / (2 * (1 + grown)) - np.log1p(grown) / 2, np.float64)


def off_scale(row: Floats, expected: Floats, n: int) -> Floats:
    """(..., l) by how much correlations of looks exceed what a Brownian motion may show; above 0 is too much.

    row: correlations found; expected: sqrt(I_s / I_t); n: units in the smaller arm.
    """
    return np.asarray(np.abs(row - expected) - _NOISE_SDS * (1 - row**2) / np.sqrt(n) - CORRELATION_ALLOWED, np.float64)
