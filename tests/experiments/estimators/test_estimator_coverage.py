"""Intervals of nominal 95 % hold the truth that often, and known-wrong ones are caught by the same count.

1,000 logs each. A count passes between 94 - 3 and 96.5 + 3 Monte Carlo standard errors: luck fails a method of true
coverage 95 % in fewer than 1 of 10,000 sets of logs (binomial). Seeds are fixed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from experiments import estimators

LOGS = 1_000
TOLERANCE = 3 * (0.95 * 0.05 / LOGS) ** 0.5
LEAST, MOST = 0.94 - TOLERANCE, 0.965 + TOLERANCE
UNBIASED = ["ips", "snips", "dr", "sndr"]

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator], tuple[pd.DataFrame, Floats, Floats]]

EFFECT = np.array([0.0, 0.2, -0.1])
TARGET = np.array([[0.6, 0.3, 0.1], [0.7, 0.2, 0.1]])  # by x; x is 0 or 1 with equal chance
LOGGED = np.array([[0.6, 0.2, 0.2], [0.2, 0.6, 0.2]])
BY_X = 0.4


def drawn(
    rng: np.random.Generator, user: NDArray[np.int64], noise: Callable[[Floats], Floats], level: float
) -> tuple[pd.DataFrame, Floats, Floats]:
    """Rows whose mean reward is `level + EFFECT + BY_X x` for the arm taken, a target, and a half-right model of it."""
    n = len(user)
    x = rng.integers(0, 2, int(user.max()) + 1)[user]
    logged = LOGGED[x]
    arm = (rng.random((n, 1)) > logged.cumsum(axis=1)).sum(axis=1)
    mean = level + BY_X * x[:, None] + EFFECT
    week = np.arange(n) % (n // (int(user.max()) + 1))
    frame = pd.DataFrame(
        {"user_id": user, "week": week, "arm": arm, "propensity": logged[np.arange(n), arm]},
    ).assign(reward=noise(mean[np.arange(n), arm]))
    return frame, TARGET[x], mean - 0.5 * EFFECT


def truth(level: float) -> float:
    return level + BY_X / 2 + float((TARGET @ EFFECT).mean())


def normal(rng: np.random.Generator) -> tuple[pd.DataFrame, Floats, Floats]:
    return drawn(rng, np.arange(1_000), lambda m: m + 0.5 * rng.normal(size=len(m)), 0.0)


def binary(rng: np.random.Generator) -> tuple[pd.DataFrame, Floats, Floats]:
    return drawn(rng, np.arange(1_000), lambda m: (rng.random(len(m)) < m).astype(np.float64), 0.3)


def clustered(rng: np.random.Generator) -> tuple[pd.DataFrame, Floats, Floats]:
    """500 users of 8 weeks; half of the noise belongs to the user."""
    user = np.repeat(np.arange(500), 8)
    lasting = rng.normal(size=500)[user]
    return drawn(rng, user, lambda m: m + 0.5 * (lasting + rng.normal(size=len(m))), 0.0)


def coverage(
    draw: Draw, level: float, names: list[str], clusters: str | None = "user_id", forget: bool = False
) -> Floats:
    """(estimators,) share of the logs whose interval held the truth."""
    rng = np.random.default_rng(20)
    hits = np.zeros(len(names))
    for _ in range(LOGS):
        log, target, q = draw(rng)
        if forget:
            log["propensity"] = 1 / 3
        found = estimators.evaluate(log, target, names, q_hat=q, clusters=clusters)
        hits += ((found["lower"] <= truth(level)) & (truth(level) <= found["upper"])).to_numpy()
    return hits / LOGS


@pytest.mark.parametrize(("draw", "level"), [(normal, 0.0), (binary, 0.3), (clustered, 0.0)])
def test_intervals_hold_the_truth_as_often_as_they_promise(draw: Draw, level: float) -> None:
    held = dict(zip(UNBIASED, coverage(draw, level, UNBIASED), strict=True))
    assert all(LEAST <= share <= MOST for share in held.values()), held


def test_intervals_that_take_rows_of_a_user_for_strangers_are_caught() -> None:
    held = dict(zip(UNBIASED, coverage(clustered, 0.0, UNBIASED, clusters=None), strict=True))
    assert max(held["snips"], held["dr"]) < LEAST, held


def test_weights_that_forget_the_propensity_are_caught() -> None:
    forgetful = coverage(normal, 0.0, ["ips", "snips"], forget=True)
    assert forgetful.max() < LEAST
    assert coverage(normal, 0.0, ["naive"]).max() < LEAST
