"""Streams of losses beside what they are a share of, by setting; `effect` is the factor on losses."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from experiments.monitors.laws import ar1, capped_log_normal_mean, null_of
from experiments.monitors.streams import RatioStream

__all__ = ["RATIOS"]

Floats = NDArray[np.float64]
Rng = np.random.Generator

_LIMIT, _CAP_USD, _GMV_USD, _LOSS_USD, _MAX_LOSS_USD = 0.02, 300.0, 150.0, 100.0, 1_000.0


def even_losses(rng: Rng, reps: int, weeks: int, effect: float = 1.0) -> RatioStream:
    """Every user's expected loss is the limit times the expected capped denominator, each week."""
    return _ratio(rng, np.ones((reps, weeks, 200)), np.full((reps, 1, 200), _GMV_USD), effect, even_losses)


def persistent_fraudsters(rng: Rng, reps: int, weeks: int, effect: float = 1.0) -> RatioStream:
    """Given who is a fraudster (one in twenty), the cohort's expected loss is at the limit each week."""
    weight = np.repeat(np.where(rng.random((reps, 1, 200)) < 0.05, 1.0, 0.02), weeks, axis=1)
    return _ratio(rng, weight, rng.lognormal(5.0, 0.7, (reps, 1, 200)), effect, persistent_fraudsters)


def wandering_risk(rng: Rng, reps: int, weeks: int, effect: float = 1.0) -> RatioStream:
    """Given each user's risk, an AR(1) with coefficient .9, the cohort's expected loss is at the limit each week."""
    weight = np.exp(ar1(rng, (reps, weeks, 200)))
    return _ratio(rng, weight, rng.lognormal(5.0, 0.7, (reps, 1, 200)), effect, wandering_risk)


def shared_shocks(rng: Rng, reps: int, weeks: int, effect: float = 1.0) -> RatioStream:
    """In one week of ten all users lose 9 times the limit in expectation, else a ninth: on average, the limit."""
    shock = np.where(rng.random((reps, weeks, 1)) < 0.1, 9.0, 1 / 9)
    drawn = _ratio(rng, np.ones((reps, weeks, 200)), np.full((reps, 1, 200), _GMV_USD), effect, shared_shocks, shock)
    return dataclasses.replace(drawn, shared_shock=True)


def units_once(rng: Rng, reps: int, weeks: int, effect: float = 1.0) -> RatioStream:
    """A unit drawn from the population, one in twenty a fraudster, loses the limit in expectation over 8 weeks."""
    window, n, loss_usd = 8, 40, 2.0 * _LOSS_USD
    fraudster = rng.random((reps, weeks, n)) < 0.05
    p = np.minimum(effect * _LIMIT * _capped_mean(np.asarray(_GMV_USD)) / (0.05 * loss_usd), 1.0)
    loss = np.asarray(loss_usd * rng.binomial(window, np.where(fraudster, p, 0.0)), np.float64)
    capped = np.minimum(_GMV_USD * rng.exponential(size=(window, reps, weeks, n)), _CAP_USD).sum(axis=0)
    return RatioStream(null_of(units_once), loss, capped, _LIMIT, _CAP_USD, loss_usd, once=True, window_weeks=window)


def log_normal_losses(rng: Rng, reps: int, weeks: int, effect: float = 1.0) -> RatioStream:
    """One user in fifty loses, log-normally with log-sd 2 up to a bound, on average the limit; GMV is log-normal."""
    return _log_normal(rng, (reps, weeks, 200), effect, log_normal_losses)


def small_group_losses(rng: Rng, reps: int, weeks: int, effect: float = 1.0) -> RatioStream:
    """The same log-normal losses in a group of 20 beside one of 180 that is not looked at; denominators capped."""
    return _log_normal(rng, (reps, weeks, 20), effect, small_group_losses)


RATIOS: dict[str, Callable[..., RatioStream]] = {
    f.__name__: f
    for f in (
        even_losses,
        persistent_fraudsters,
        wandering_risk,
        shared_shocks,
        units_once,
        log_normal_losses,
        small_group_losses,
    )
}


def _log_normal(rng: Rng, shape: tuple[int, int, int], effect: float, draw: Callable[..., object]) -> RatioStream:
    """Losses min(m x, most) with x log-normal; m makes their mean the limit times the mean capped denominator."""
    gmv, share, sd = rng.lognormal(4.5, 1.0, shape), 0.02, 2.0
    capped = float(np.exp(4.5)) * _capped_log_normal(1.0, _CAP_USD / float(np.exp(4.5)))
    needed = effect * _LIMIT * capped / share
    scale = float(brentq(lambda m: m * _capped_log_normal(sd, _MAX_LOSS_USD / m) - needed, 1e-6, 1e6))
    loss = np.where(rng.random(shape) < share, np.minimum(scale * rng.lognormal(0, sd, shape), _MAX_LOSS_USD), 0.0)
    return RatioStream(null_of(draw), loss, gmv, _LIMIT, _CAP_USD, _MAX_LOSS_USD)


def _capped_log_normal(sd: float, cap: float) -> float:
    """Mean of min(x, cap), x log-normal about 1."""
    return cap * capped_log_normal_mean(sd, cap)


def _capped_mean(scale: Floats) -> Floats:
    """Mean of min(exponential with this mean, cap)."""
    return np.asarray(scale * -np.expm1(-_CAP_USD / scale), np.float64)


def _ratio(
    rng: Rng, weight: Floats, gmv_usd: Floats, effect: float, draw: Callable[..., object], shock: Floats | float = 1.0
) -> RatioStream:
    """Losses of skewed size that strike users in proportion to `weight`, the cohort's sum at the limit."""
    allowed = effect * _LIMIT * _capped_mean(gmv_usd).sum(axis=-1, keepdims=True)
    p = np.minimum(weight / weight.sum(axis=-1, keepdims=True) * allowed / _LOSS_USD * shock, 1.0)
    size = _MAX_LOSS_USD * rng.beta(0.5, 0.5 * (_MAX_LOSS_USD / _LOSS_USD - 1), weight.shape)
    loss = np.where(rng.random(weight.shape) < p, size, 0.0)
    return RatioStream(
        null_of(draw), loss, gmv_usd * rng.exponential(size=weight.shape), _LIMIT, _CAP_USD, _MAX_LOSS_USD
    )
