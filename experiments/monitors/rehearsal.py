"""Streams whose truth is known: nulls on which false alarms are counted, and effects on which power is.

Each function draws one stream; its first sentence is the null. `effect` moves treated users (or paired differences)
by so many standard errors of a test at the last look; 0 is the null. Losses, events, bounded outcomes, inputs and
logged draws have files of their own, which say what `effect` is there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from experiments.monitors.laws import ar1, null_of
from experiments.monitors.rehearsal_events import BOUNDED, EVENTS, INPUTS
from experiments.monitors.rehearsal_logged import LOGGED
from experiments.monitors.rehearsal_ratios import RATIOS
from experiments.monitors.streams import AssignmentStream, MeanStream, Stream

__all__ = [
    "ASSIGNMENTS",
    "BOUNDED",
    "EVENTS",
    "INPUTS",
    "LOGGED",
    "MEANS",
    "RATIOS",
    "STREAMS",
    "many_agents",
]

Floats = NDArray[np.float64]
Rng = np.random.Generator


def iid_normal(rng: Rng, reps: int, weeks: int, effect: float = 0.0) -> MeanStream:
    """Values of both groups are the same normal law, independent over users and weeks."""
    return _two_groups(rng.normal(size=(reps, weeks, 100)), effect, 1 / np.sqrt(weeks), iid_normal)


def paired_normal(rng: Rng, reps: int, weeks: int, effect: float = 0.0) -> MeanStream:
    """Paired differences are normal about 0."""
    n = 100
    value = rng.normal(size=(reps, weeks, n)) + effect / np.sqrt(weeks * n)
    return MeanStream(null_of(paired_normal), value)


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
    return MeanStream(null_of(capped_small_arm), value, group, cap=float(np.quantile(burn_in, 0.99)))


def clustered(rng: Rng, reps: int, weeks: int, effect: float = 0.0) -> MeanStream:
    """Values of both groups are the same normal law; half of the variance is the user's own (ICC .5)."""
    value = np.sqrt(0.5) * (rng.normal(size=(reps, 1, 100)) + rng.normal(size=(reps, weeks, 100)))
    return _two_groups(value, effect, np.sqrt(0.5 + 0.5 / weeks), clustered)


def autoregressive(rng: Rng, reps: int, weeks: int, effect: float = 0.0) -> MeanStream:
    """Values of both groups are the same stationary AR(1) with coefficient .9."""
    return _two_groups(ar1(rng, (reps, weeks, 100)), effect, _sd_of_mean(weeks), autoregressive)


def drifting_apart(rng: Rng, reps: int, weeks: int, effect: float = 0.0) -> MeanStream:
    """Paired differences are integrated random walks about 0: smooth paths, falling information."""
    n = 100
    value = np.cumsum(np.cumsum(rng.normal(size=(reps, weeks, n)), axis=1), axis=1)
    sd = float(value.mean(axis=1).std())
    return MeanStream(null_of(drifting_apart), value + effect * sd / np.sqrt(n))


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
    return MeanStream(null_of(many_agents), value, np.arange(value.shape[2]) % (agents + 1))


def fair_assignment(rng: Rng, reps: int, weeks: int, effect: float = 0.0) -> AssignmentStream:
    """Each new unit falls into one of three groups with the planned shares .5, .3 and .2."""
    shares = (0.5, 0.3, 0.2)
    edges = np.array([0.5 - 0.01 * effect, 0.8])
    value = np.searchsorted(edges, rng.random((reps, weeks, 400)), side="right")
    return AssignmentStream(null_of(fair_assignment), value.astype(np.float64), shares)


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
ASSIGNMENTS: dict[str, Callable[..., AssignmentStream]] = {f.__name__: f for f in (fair_assignment,)}
STREAMS: dict[str, Callable[..., Stream]] = {**MEANS, **RATIOS, **EVENTS, **BOUNDED, **INPUTS, **LOGGED, **ASSIGNMENTS}


def _two_groups(value: Floats, effect: float, sd: float, draw: Callable[..., object]) -> MeanStream:
    """Every second user is treated; sd is that of a user's mean over all weeks."""
    n = value.shape[2]
    group = np.arange(n) % 2
    return MeanStream(null_of(draw), value + effect * sd * np.sqrt(4 / n) * group, group.astype(np.int64))


def _sd_of_mean(weeks: int, coefficient: float = 0.9) -> float:
    lag = np.abs(np.subtract.outer(np.arange(weeks), np.arange(weeks)))
    return float(np.sqrt((coefficient**lag).mean()))
