"""Whether a user is active this week.

Latent propensity z_it = sqrt(between) z_i + sqrt(1 - between) s_it with s_it AR(1); the weekly probability is the
Beta(a, b) quantile at Phi(z_it), moved on the logit by momentum, fatigue and the arm. Mixing law: Beta fitted to
weekly activity of households (completejourney).
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.special import betaincinv, ndtr

from rage_env.randomness import Draw
from rage_env.week import Columns, MechanismParams, Week

__all__ = ["AFTER", "GIVES", "PARENTS", "Params", "base_logit", "draw", "mean", "probability"]

PARENTS = ("response", "fatigue")
AFTER = ("activity_shift",)
GIVES = ("active", "next_shock", "spend_shock")

_EDGE = 6.0
_STEPS = 4096
_MOMENTUM = np.array([1.0 if b == 0 else (b & 1) / (bin(b).count("1") / 4) for b in range(16)], dtype=np.float32)


class Params(MechanismParams):
    """between: share of the variance of z_it that lasts; ar: weekly autocorrelation of the rest."""

    between: float = Field(ge=0, le=1)
    ar: float = Field(ge=0, lt=1)
    beta_a: float = Field(gt=0)
    beta_b: float = Field(gt=0)
    momentum_logit: float


@lru_cache(maxsize=8)
def _table(a: float, b: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Values and steps of logit(BetaQuantile(Phi(z))) on an even grid; linear interpolation errs below 1e-5."""
    z = np.linspace(-_EDGE, _EDGE, _STEPS + 1)
    below = betaincinv(a, b, ndtr(z))
    above = betaincinv(b, a, ndtr(-z))  # 1 - quantile without cancellation
    logit = np.log(below) - np.log(above)
    return logit.astype(np.float32), np.diff(logit, append=logit[-1]).astype(np.float32)


def base_logit(z: NDArray[np.float32], a: float, b: float) -> NDArray[np.float32]:
    """(n,) logit of the Beta(a, b) quantile at Phi(z)."""
    values, steps = _table(a, b)
    x = np.clip(z, np.float32(-_EDGE), np.float32(_EDGE))
    x += np.float32(_EDGE)
    x *= np.float32(_STEPS / (2 * _EDGE))
    at = x.astype(np.intp)
    x -= at.astype(np.float32)
    x *= steps.take(at)
    x += values.take(at)
    return x


def probability(week: Week, params: Params) -> NDArray[np.float32]:
    """(n,) probability of being active; 0 for those who left or have not joined."""
    logit = _logit(week, params)
    if "activity_shift" in week.now:
        logit += week.now["activity_shift"]
    np.negative(logit, out=logit)
    np.exp(logit, out=logit)
    logit += 1
    return np.divide(week.here.astype(np.float32), logit, out=logit)


def _logit(week: Week, params: Params) -> NDArray[np.float32]:
    """(n,) of being active for those who are there, before anything that other mechanisms add."""
    traits, lives, now = week.traits, week.lives, week.now
    weights = np.array([math.sqrt(params.between), math.sqrt(1 - params.between)], np.float32)
    by_bits = np.float32(params.momentum_logit) * (_MOMENTUM - 1)
    effects = week.arms.activity_logit
    if week.compiled:
        from rage_env import kernels

        values, steps = _table(params.beta_a, params.beta_b)
        return kernels.activity_logit(
            traits.activity, lives.shock, weights, np.float32(_EDGE), np.float32(_STEPS / (2 * _EDGE)), values, steps,
            effects, week.felt, traits.archetype, now["response"], lives.active_bits, by_bits, now["fatigue"],
        )  # fmt: skip
    logit = base_logit(weights[0] * traits.activity + weights[1] * lives.shock, params.beta_a, params.beta_b)
    logit += effects.take(week.cell) * now["response"]
    logit += by_bits.take(lives.active_bits.astype(np.intp))
    logit -= now["fatigue"]
    return logit


def draw(week: Week, params: Params) -> Columns:
    """active: 0 or 1; next_shock: s_it of next week; spend_shock: standard normal, used by spending."""
    innovation, spend_shock = week.noise.normals(Draw.SHOCKS)
    ar = np.float32(params.ar)
    return {
        "active": week.noise.below(Draw.ACTIVITY, probability(week, params)),
        "next_shock": ar * week.lives.shock + np.sqrt(1 - ar * ar) * innovation,
        "spend_shock": spend_shock,
    }


def mean(week: Week, params: Params) -> Columns:
    """active: its probability."""
    return {"active": probability(week, params).astype(np.float64)}
