"""Where users stand by what is observed of them: features weighed into one score, and ranks of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from rage_env.errors import ConfigError, did_you_mean
from rage_env.interface import Observation

__all__ = ["refuse_unknown", "standing"]

Floats = NDArray[np.float64]


def standing(observation: Observation, signals: Mapping[str, float], names: Sequence[str]) -> Floats:
    """(n,) share of present units that score lower, ties halved: inside (0, 1), and 0 for departed users.

    signals: {feature: weight on it in standard deviations}. Rows of one unit score alike, so they share their place.
    """
    here = np.flatnonzero(observation.present)
    place = np.zeros(observation.n)
    if len(here):
        seen = observation.features[here].astype(np.float64)
        score = sum((w * _scaled(seen[:, names.index(f)]) for f, w in signals.items()), np.zeros(len(here)))
        place[here] = _places(score, observation.unit[here])
    return place


def refuse_unknown(agent: str, signals: Iterable[str], known: Sequence[str]) -> None:
    """Raise ConfigError for every signal that this world does not show."""
    found = [
        f"agent {agent}: signals: this world shows no feature {name!r}{did_you_mean(name, known)} "
        f"Features: {', '.join(known)}."
        for name in signals
        if name not in known
    ]
    if found:
        raise ConfigError(found)


def _scaled(column: Floats) -> Floats:
    spread = float(column.std())
    return (column - column.mean()) / spread if spread > 0 else np.zeros_like(column)


def _places(score: Floats, unit: NDArray[np.int64]) -> Floats:
    """(m,) mid-rank of each row's unit by mean score, as a share of all units."""
    _, code, rows = np.unique(unit, return_inverse=True, return_counts=True)
    mean = np.bincount(code, weights=score) / rows
    _, level, ties = np.unique(mean, return_inverse=True, return_counts=True)
    place: Floats = (np.cumsum(ties) - ties / 2) / len(rows)
    return place[level][code]
