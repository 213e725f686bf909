"""What a risk model leans on: how much worse it fits rows it has not seen once a feature is shuffled (Breiman 2001)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rage_env.errors import LogError, did_you_mean

__all__ = ["Driver", "drivers", "log_loss"]

Floats = NDArray[np.float64]
Rows = NDArray[np.float32]


@dataclass(frozen=True)
class Driver:
    """A feature, or a group of them shuffled together. loss: log loss added by shuffling; stderr over repeats."""

    name: str
    loss: float
    stderr: float


def drivers(
    chance: Callable[[Rows], Floats],
    features: Rows,
    event: NDArray[np.bool_],
    names: Sequence[str],
    *,
    groups: Mapping[str, Sequence[str]] | None = None,
    repeats: int = 5,
    seed: int = 0,
) -> tuple[Driver, ...]:
    """Features (or `groups` of them), the most important first. features (n, d), event (n,): unseen in fitting.

    Raises LogError for a group with an unknown feature.
    """
    parts = {n: [n] for n in names} if groups is None else {g: list(members) for g, members in groups.items()}
    for group, members in parts.items():
        for name in members:
            if name not in names:
                raise LogError(f"drivers: group {group}: no feature is called {name!r}{did_you_mean(name, names)}")
    least = log_loss(chance(features), event)
    found = []
    for at, (group, members) in enumerate(parts.items()):
        columns = np.array([list(names).index(m) for m in members], np.intp)
        shuffled, losses = features.copy(), []
        for turn in range(repeats):
            order = np.random.default_rng([seed, at, turn]).permutation(len(event))
            shuffled[:, columns] = features[np.ix_(order, columns)]
            losses.append(log_loss(chance(shuffled), event) - least)
        stderr = float(np.std(losses, ddof=1) / np.sqrt(repeats)) if repeats > 1 else 0.0
        found.append(Driver(group, float(np.mean(losses)), stderr))
    return tuple(sorted(found, key=lambda d: -d.loss))


def log_loss(chance: Floats, event: NDArray[np.bool_]) -> float:
    """Mean negative log likelihood, nats a row."""
    safe = np.clip(chance, 1e-9, 1 - 1e-9)
    return float(-np.where(event, np.log(safe), np.log1p(-safe)).mean())
