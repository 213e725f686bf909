"""Streams of events, bounded outcomes and inputs, by the settings of `rehearsal`; `effect` is the factor on risks,
or moves values by so many hundredths of their range.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from experiments.monitors.laws import ar1, capped_log_normal_mean, null_of
from experiments.monitors.streams import BoundedStream, EventStream, InputStream

__all__ = ["BOUNDED", "EVENTS", "INPUTS"]

Floats = NDArray[np.float64]
Rng = np.random.Generator

_WINDOW = 8  # weeks over which a unit that enters once is summed
_CAP = 3.0  # of a log-normal outcome, in units of its median
_DECILES = tuple(np.arange(1, 10) / 10)


def rare_events(rng: Rng, reps: int, weeks: int, effect: float = 1.0) -> EventStream:
    """Each unit, new every week, has the event with probability .0025, in either group."""
    group = np.arange(400) % 2
    risk = 0.0025 * np.where(group == 1, effect, 1.0)
    return EventStream(null_of(rare_events), (rng.random((reps, weeks, 400)) < risk).astype(np.float64), 0.0025, group)


def risky_units(rng: Rng, reps: int, weeks: int, effect: float = 1.0) -> EventStream:
    """Each unit, new every week, has a risk of its own, beta with mean .0025: half of its variance over weeks."""
    group = np.arange(400) % 2
    own = rng.beta(0.5, 0.5 / 0.0025 - 0.5, (reps, weeks, 400)) * np.where(group == 1, effect, 1.0)
    return EventStream(null_of(risky_units), (rng.random(own.shape) < own).astype(np.float64), 0.0025, group)


def standing_risks(rng: Rng, reps: int, weeks: int, effect: float = 1.0) -> EventStream:
    """The same units every week, one in ten at ten times the risk of others, shared out at random over both groups."""
    group = np.arange(400) % 2
    own = np.where(rng.random((reps, 1, 400)) < 0.1, 0.03, 0.003) * np.where(group == 1, effect, 1.0)
    return EventStream(
        null_of(standing_risks), (rng.random((reps, weeks, 400)) < own).astype(np.float64), 0.0057, group, standing=True
    )


def wandering_hazards(rng: Rng, reps: int, weeks: int, effect: float = 1.0) -> EventStream:
    """The same units every week, log risks an AR(1) with coefficient .9, alike in both groups."""
    group = np.arange(400) % 2
    risk = 0.005 * np.exp(ar1(rng, (reps, weeks, 400)) - 0.5) * np.where(group == 1, effect, 1.0)
    drawn = (rng.random(risk.shape) < risk).astype(np.float64)
    return EventStream(null_of(wandering_hazards), drawn, 0.005, group, standing=True)


def bounded_normal(rng: Rng, reps: int, weeks: int, effect: float = 0.0) -> BoundedStream:
    """Normal values, mapped to [0, 1] by their own distribution function, have mean .5."""
    return BoundedStream(null_of(bounded_normal), _moved(rng.random((reps, weeks, 50)), effect), 0.5)


def bounded_log_normal(rng: Rng, reps: int, weeks: int, effect: float = 0.0) -> BoundedStream:
    """Log-normal values with log-sd 1, capped at three times their median and divided by the cap, have mean .47."""
    value = np.minimum(rng.lognormal(size=(reps, weeks, 50)), _CAP) / _CAP
    return BoundedStream(null_of(bounded_log_normal), _moved(value, effect), capped_log_normal_mean(1.0, _CAP))


def bounded_small_arm(rng: Rng, reps: int, weeks: int, effect: float = 0.0) -> BoundedStream:
    """The same capped log-normal values in a group of 20 beside one of 180 that is not looked at."""
    value = np.minimum(rng.lognormal(size=(reps, weeks, 200)), _CAP) / _CAP
    return BoundedStream(null_of(bounded_small_arm), _moved(value[..., :20], effect), capped_log_normal_mean(1.0, _CAP))


def bounded_clustered(rng: Rng, reps: int, weeks: int, effect: float = 0.0) -> BoundedStream:
    """A unit's mean over eight weeks of [0, 1] values, half of whose latent variance is its own, is .5 on average."""
    latent = np.zeros((reps, weeks, 50))
    own = rng.normal(size=latent.shape)
    for _ in range(_WINDOW):
        latent += ndtr(np.sqrt(0.5) * (own + rng.normal(size=latent.shape))) / _WINDOW
    return BoundedStream(null_of(bounded_clustered), _moved(latent, effect), 0.5)


def bounded_autoregressive(rng: Rng, reps: int, weeks: int, effect: float = 0.0) -> BoundedStream:
    """A unit's mean over eight weeks of [0, 1] values that follow an AR(1) with coefficient .9 is .5 on average."""
    path, mean = rng.normal(size=(reps, weeks, 50)), np.zeros((reps, weeks, 50))
    for _ in range(_WINDOW):
        mean += ndtr(path) / _WINDOW
        path = 0.9 * path + np.sqrt(1 - 0.81) * rng.normal(size=path.shape)
    return BoundedStream(null_of(bounded_autoregressive), _moved(mean, effect), 0.5)


def steady_normal(rng: Rng, reps: int, weeks: int, effect: float = 0.0) -> InputStream:
    """A feature of new units each week keeps its normal law."""
    value = rng.normal(size=(reps, weeks, 200))
    return InputStream(null_of(steady_normal), _late(value, effect), tuple(ndtri(_DECILES)))


def steady_log_normal(rng: Rng, reps: int, weeks: int, effect: float = 0.0) -> InputStream:
    """A feature of new units each week keeps its log-normal law with log-sd 2."""
    value = np.exp(2 * _late(rng.normal(size=(reps, weeks, 200)), effect))
    return InputStream(null_of(steady_log_normal), value, tuple(np.exp(2 * ndtri(_DECILES))))


def steady_flag(rng: Rng, reps: int, weeks: int, effect: float = 0.0) -> InputStream:
    """A 0/1 feature of new units each week keeps its share of .02."""
    risk = np.where(np.arange(weeks) > 0, 0.02 * (1 + effect), 0.02)[:, None]
    return InputStream(null_of(steady_flag), (rng.random((reps, weeks, 200)) < risk).astype(np.float64), (0.5,))


def standing_clusters(rng: Rng, reps: int, weeks: int, effect: float = 0.0) -> InputStream:
    """A feature of a standing cohort, half of its variance the unit's own, keeps its law."""
    value = np.sqrt(0.5) * (rng.normal(size=(reps, 1, 600)) + rng.normal(size=(reps, weeks, 600)))
    return InputStream(null_of(standing_clusters), _late(value, effect), tuple(ndtri(_DECILES)), standing=True)


def standing_paths(rng: Rng, reps: int, weeks: int, effect: float = 0.0) -> InputStream:
    """A feature of a standing cohort, an AR(1) with coefficient .9, keeps its law."""
    value = ar1(rng, (reps, weeks, 600))
    return InputStream(null_of(standing_paths), _late(value, effect), tuple(ndtri(_DECILES)), standing=True)


EVENTS: dict[str, Callable[..., EventStream]] = {
    f.__name__: f for f in (rare_events, risky_units, standing_risks, wandering_hazards)
}
BOUNDED: dict[str, Callable[..., BoundedStream]] = {
    f.__name__: f
    for f in (bounded_normal, bounded_log_normal, bounded_small_arm, bounded_clustered, bounded_autoregressive)
}
INPUTS: dict[str, Callable[..., InputStream]] = {
    f.__name__: f for f in (steady_normal, steady_log_normal, steady_flag, standing_clusters, standing_paths)
}


def _moved(value: Floats, effect: float) -> Floats:
    """Values in [0, 1] drawn towards 1 by `effect` hundredths of what is missing."""
    return np.asarray(value + 0.01 * effect * (1 - value), np.float64)


def _late(value: Floats, effect: float) -> Floats:
    """Values moved by `effect` in all weeks but the first, which is the reference."""
    return np.asarray(value + effect * (np.arange(value.shape[1]) > 0)[:, None], np.float64)
