"""Streams whose truth is known: nulls on which false alarms are counted, and effects on which power is.

Each function draws one stream; its first sentence is the null. `effect` moves treated users (or paired differences)
by so many standard errors of a test at the last look; 0 is the null. Ratios: `effect` is the factor on losses.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from experiments.monitors.streams import AssignmentStream, EventStream, MeanStream, RatioStream, Stream

__all__ = ["ASSIGNMENTS", "EVENTS", "MEANS", "RATIOS", "STREAMS", "many_agents"]

Floats = NDArray[np.float64]
Rng = np.random.Generator

_LIMIT, _CAP_USD, _GMV_USD, _LOSS_USD, _MAX_LOSS_USD = 0.02, 300.0, 150.0, 100.0, 1_000.0


def iid_normal(rng: Rng, reps: int, weeks: int, effect: float = 0.0) -> MeanStream:
    """Values of both groups are the same normal law, independent over users and weeks."""
    return _two_groups(rng.normal(size=(reps, weeks, 100)), effect, 1 / np.sqrt(weeks), iid_normal)


def paired_normal(rng: Rng, reps: int, weeks: int, effect: float = 0.0) -> MeanStream:
    """Paired differences are normal about 0."""
    n = 100
    value = rng.normal(size=(reps, weeks, n)) + effect / np.sqrt(weeks * n)
    return MeanStream(_null(paired_normal), value)


def heavy_tails(rng: Rng, reps: int, weeks: int, effect: float = 0.0) -> MeanStream:
    """Values of both equal groups are the same log-normal law with log-sd 2."""
    sd = np.exp(2) * np.sqrt(np.expm1(4))
    return _two_groups(rng.lognormal(0, 2, (reps, weeks, 200)), effect, sd / np.sqrt(weeks), heavy_tails)


def capped_small_arm(rng: Rng, reps: int, weeks: int, effect: float = 0.0) -> MeanStream:
    """Values of both groups are one log-normal law with log-sd .5, 60 users against 540, means capped at 99 %."""
    small, n, log_var = 60, 600, 0.5**2
    value = rng.lognormal(0, np.sqrt(log_var), (reps, weeks, n))
    group = (np.arange(n) < small).astype(np.int64)
    sd = np.sqrt(np.exp(log_var) * np.expm1(log_var) / weeks)
    value += effect * sd * np.sqrt(1 / small + 1 / (n - small)) * group
    burn_in = rng.lognormal(0, np.sqrt(log_var), (2_000, weeks)).mean(axis=1)
    return MeanStream(_null(capped_small_arm), value, group, cap=float(np.quantile(burn_in, 0.99)))


def clustered(rng: Rng, reps: int, weeks: int, effect: float = 0.0) -> MeanStream:
    """Values of both groups are the same normal law; half of the variance is the user's own (ICC .5)."""
    value = np.sqrt(0.5) * (rng.normal(size=(reps, 1, 100)) + rng.normal(size=(reps, weeks, 100)))
    return _two_groups(value, effect, np.sqrt(0.5 + 0.5 / weeks), clustered)


def autoregressive(rng: Rng, reps: int, weeks: int, effect: float = 0.0) -> MeanStream:
    """Values of both groups are the same stationary AR(1) with coefficient .9."""
    return _two_groups(_ar1(rng, (reps, weeks, 100)), effect, _sd_of_mean(weeks), autoregressive)


def drifting_apart(rng: Rng, reps: int, weeks: int, effect: float = 0.0) -> MeanStream:
    """Paired differences are integrated random walks about 0: smooth paths, falling information."""
    n = 100
    value = np.cumsum(np.cumsum(rng.normal(size=(reps, weeks, n)), axis=1), axis=1)
    sd = float(value.mean(axis=1).std())
    return MeanStream(_null(drifting_apart), value + effect * sd / np.sqrt(n))


def frequent_events(rng: Rng, reps: int, weeks: int, effect: float = 0.0) -> MeanStream:
    """Values are 0/1 with probability .1 in both groups."""
    drawn = _two_groups(rng.random((reps, weeks, 200)), -effect, np.sqrt(0.1 * 0.9 / weeks), frequent_events)
    return dataclasses.replace(drawn, value=(drawn.value < 0.1).astype(np.float64))


def with_covariate(rng: Rng, reps: int, weeks: int, effect: float = 0.0) -> MeanStream:
    """Values of both groups are the same normal law, correlated .8 with a value from before exposure."""
    own = rng.normal(size=(reps, 1, 100))
    spread = np.sqrt(weeks * (1 / 0.8**2 - 1))  # of a week, so that the mean over all weeks correlates .8
    value = own + spread * rng.normal(size=(reps, weeks, 100))
    drawn = _two_groups(value, effect, 1 / 0.8, with_covariate)
    return MeanStream(drawn.null, drawn.value, drawn.group, own[:, 0])


def many_agents(rng: Rng, reps: int, weeks: int, agents: int = 5) -> MeanStream:
    """Values of control and of five agents' groups are the same normal law."""
    value = rng.normal(size=(reps, weeks, 50 * (agents + 1)))
    return MeanStream(_null(many_agents), value, np.arange(value.shape[2]) % (agents + 1))


def even_losses(rng: Rng, reps: int, weeks: int, effect: float = 1.0) -> RatioStream:
    """Every user's expected loss is the limit times the expected capped denominator, each week."""
    return _ratio(rng, np.ones((reps, weeks, 200)), np.full((reps, 1, 200), _GMV_USD), effect, even_losses)


def persistent_fraudsters(rng: Rng, reps: int, weeks: int, effect: float = 1.0) -> RatioStream:
    """Given who is a fraudster (one in twenty), the cohort's expected loss is at the limit each week."""
    weight = np.repeat(np.where(rng.random((reps, 1, 200)) < 0.05, 1.0, 0.02), weeks, axis=1)
    return _ratio(rng, weight, rng.lognormal(5.0, 0.7, (reps, 1, 200)), effect, persistent_fraudsters)


def wandering_risk(rng: Rng, reps: int, weeks: int, effect: float = 1.0) -> RatioStream:
    """Given each user's risk, an AR(1) with coefficient .9, the cohort's expected loss is at the limit each week."""
    weight = np.exp(_ar1(rng, (reps, weeks, 200)))
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
    return RatioStream(_null(units_once), loss, capped, _LIMIT, _CAP_USD, loss_usd, once=True, window_weeks=window)


def rare_events(rng: Rng, reps: int, weeks: int, effect: float = 1.0) -> EventStream:
    """Each unit has the event with probability .0025."""
    value = (rng.random((reps, weeks, 400)) < 0.0025 * effect).astype(np.float64)
    return EventStream(_null(rare_events), value, 0.0025)


def fair_assignment(rng: Rng, reps: int, weeks: int, effect: float = 0.0) -> AssignmentStream:
    """Each new unit falls into one of three groups with the planned shares .5, .3 and .2."""
    shares = (0.5, 0.3, 0.2)
    edges = np.array([0.5 - 0.01 * effect, 0.8])
    value = np.searchsorted(edges, rng.random((reps, weeks, 400)), side="right")
    return AssignmentStream(_null(fair_assignment), value.astype(np.float64), shares)


MEANS: dict[str, Callable[..., MeanStream]] = {
    f.__name__: f
    for f in (
        iid_normal,
        paired_normal,
        heavy_tails,
        capped_small_arm,
        clustered,
        autoregressive,
        drifting_apart,
        frequent_events,
        with_covariate,
    )
}
RATIOS: dict[str, Callable[..., RatioStream]] = {
    f.__name__: f for f in (even_losses, persistent_fraudsters, wandering_risk, shared_shocks, units_once)
}
EVENTS: dict[str, Callable[..., EventStream]] = {f.__name__: f for f in (rare_events,)}
ASSIGNMENTS: dict[str, Callable[..., AssignmentStream]] = {f.__name__: f for f in (fair_assignment,)}
STREAMS: dict[str, Callable[..., Stream]] = {**MEANS, **RATIOS, **EVENTS, **ASSIGNMENTS}


def _null(draw: Callable[..., object]) -> str:
    return (draw.__doc__ or "").strip()


def _two_groups(value: Floats, effect: float, sd: float, draw: Callable[..., object]) -> MeanStream:
    """Every second user is treated; sd is that of a user's mean over all weeks."""
    n = value.shape[2]
    group = np.arange(n) % 2
    return MeanStream(_null(draw), value + effect * sd * np.sqrt(4 / n) * group, group.astype(np.int64))


def _ar1(rng: Rng, shape: tuple[int, int, int], coefficient: float = 0.9) -> Floats:
    value = rng.normal(size=shape)
    for week in range(1, shape[1]):
        value[:, week] = coefficient * value[:, week - 1] + np.sqrt(1 - coefficient**2) * value[:, week]
    return value


def _sd_of_mean(weeks: int, coefficient: float = 0.9) -> float:
    lag = np.abs(np.subtract.outer(np.arange(weeks), np.arange(weeks)))
    return float(np.sqrt((coefficient**lag).mean()))


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
    return RatioStream(_null(draw), loss, gmv_usd * rng.exponential(size=weight.shape), _LIMIT, _CAP_USD, _MAX_LOSS_USD)
