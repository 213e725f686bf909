"""Streams of an agent's own draws, by the settings of `rehearsal`: chances follow what the weeks before seemed to say.

Rewards lie in [0, 1] and do not depend on the arm under the null; users come in pairs whose latent values mirror each
other, so that the cohort's mean given the past is known. `effect` adds so many hundredths to the reward of arm 1.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from experiments.monitors.laws import ar1, capped_log_normal_mean, null_of
from experiments.monitors.streams import LoggedStream

__all__ = ["LOGGED", "drawn_by_an_agent"]

Floats = NDArray[np.float64]
Rng = np.random.Generator

_USERS, _FLOOR = 60, 0.15


def logged_normal(rng: Rng, reps: int, weeks: int, effect: float = 0.0) -> LoggedStream:
    """Normal rewards, mapped to [0, 1] by their own distribution function, whatever the arm."""
    return drawn_by_an_agent(rng, rng.random((reps, weeks, _USERS)), 0.5, effect, null_of(logged_normal))


def logged_log_normal(rng: Rng, reps: int, weeks: int, effect: float = 0.0) -> LoggedStream:
    """Log-normal rewards with log-sd 2, capped at ten times the median, whatever the arm."""
    value = np.minimum(rng.lognormal(0, 2, (reps, weeks, _USERS)), 10.0) / 10.0
    return drawn_by_an_agent(rng, value, capped_log_normal_mean(2.0, 10.0), effect, null_of(logged_log_normal))


def logged_small_arm(rng: Rng, reps: int, weeks: int, effect: float = 0.0) -> LoggedStream:
    """Log-normal rewards with log-sd .5, capped at three times the median; arm 1 is drawn one time in ten."""
    value = np.minimum(rng.lognormal(0, 0.5, (reps, weeks, 3 * _USERS)), 3.0) / 3.0
    mean = capped_log_normal_mean(0.5, 3.0)
    return drawn_by_an_agent(rng, value, mean, effect, null_of(logged_small_arm), fixed=0.1)


def logged_events(rng: Rng, reps: int, weeks: int, effect: float = 0.0) -> LoggedStream:
    """Rewards are 0/1 with probability .05, whatever the arm."""
    value = (rng.random((reps, weeks, 2 * _USERS)) < 0.05).astype(np.float64)
    return drawn_by_an_agent(rng, value, 0.05, effect, null_of(logged_events))


def logged_clusters(rng: Rng, reps: int, weeks: int, effect: float = 0.0) -> LoggedStream:
    """Half of the rewards' variance is the user's own, mirrored in another user; the arm changes nothing."""
    own = rng.uniform(-1, 1, (reps, 1, _USERS // 2))
    latent = np.concatenate([own, -own], axis=2)
    value = 0.5 + 0.25 * (latent + rng.uniform(-1, 1, (reps, weeks, _USERS)))
    return drawn_by_an_agent(rng, value, 0.5, effect, null_of(logged_clusters))


def logged_paths(rng: Rng, reps: int, weeks: int, effect: float = 0.0) -> LoggedStream:
    """Chances of a 0/1 reward follow an AR(1) with coefficient .9, mirrored in another user, whatever the arm."""
    path = ar1(rng, (reps, weeks, _USERS // 2))
    chance = ndtr(np.concatenate([path, -path], axis=2))
    value = (rng.random(chance.shape) < chance).astype(np.float64)
    return drawn_by_an_agent(rng, value, 0.5, effect, null_of(logged_paths))


def logged_predicted(rng: Rng, reps: int, weeks: int, effect: float = 0.0) -> LoggedStream:
    """Rewards follow a forecast made before exposure, mirrored in another user, plus noise; the arm changes nothing."""
    own = rng.uniform(-1, 1, (reps, _USERS // 2))
    forecast = 0.5 + 0.4 * np.concatenate([own, -own], axis=1)
    value = forecast[:, None] + 0.1 * rng.uniform(-1, 1, (reps, weeks, _USERS))
    return drawn_by_an_agent(rng, value, 0.5, effect, null_of(logged_predicted), forecast=forecast)


def drawn_by_an_agent(
    rng: Rng,
    value: Floats,
    mean: float,
    effect: float,
    null: str,
    *,
    fixed: float | None = None,
    forecast: Floats | None = None,
) -> LoggedStream:
    """Arms drawn by an agent that leans towards the arm that has earned more so far, or with a fixed chance."""
    reps, weeks, n = value.shape
    value = value.copy()
    arm, chance = np.empty(value.shape, np.int64), np.full((reps, weeks), 0.5 if fixed is None else fixed)
    earned, drawn = np.zeros((2, reps)), np.ones((2, reps))
    for week in range(weeks):
        if week and fixed is None:
            gap = (earned[1] / drawn[1] - earned[0] / drawn[0]) * np.sqrt(n * week)
            chance[:, week] = np.clip(ndtr(4 * gap), _FLOOR, 1 - _FLOOR)
        arm[:, week] = rng.random((reps, n)) < chance[:, week, None]
        value[:, week] += 0.01 * effect * arm[:, week] * (1 - value[:, week])
        for code in (0, 1):
            mine = arm[:, week] == code
            earned[code] += (value[:, week] * mine).sum(axis=1)
            drawn[code] += mine.sum(axis=1)
    return LoggedStream(null, value, arm, chance, mean, predicted=forecast)


LOGGED: dict[str, Callable[..., LoggedStream]] = {
    f.__name__: f
    for f in (
        logged_normal,
        logged_log_normal,
        logged_small_arm,
        logged_events,
        logged_clusters,
        logged_paths,
        logged_predicted,
    )
}
