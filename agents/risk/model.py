"""A risk model: boosted trees on the features and on how unusual they are, calibrated, with a threshold of least cost.

Chances are calibrated, and the threshold chosen, on users of folds that the trees were not grown on; the final trees
are grown on all rows. Fraud and delinquency differ in labels (`labels.py`) and settings, not in the model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from agents.beliefs.trees import Forest, Growth, grow
from agents.risk.calibration import Bin, Calibration, Method, calibrate, reliability
from agents.risk.isolation import Isolation, isolate
from agents.risk.threshold import Threshold, cheapest
from rage_env.errors import LogError

__all__ = ["RiskModel", "RiskSettings", "fit_risk"]

Floats = NDArray[np.float64]
Rows = NDArray[np.float32]
_LEAST_EVENTS = 20  # among all rows
_LARGE = Growth(trees=120, rate=0.06, least_rows=60)


@dataclass(frozen=True)
class RiskSettings:
    """weight: what a miss costs, in false alarms (25 to 250 are published). folds: of users.

    least_precision: of those flagged, out of fold; 0 for none. calibration: isotonic, or platt where events are few.
    """

    weight: float = 25.0
    calibration: Method = "isotonic"
    least_precision: float = 0.0
    folds: int = 5
    growth: Growth = _LARGE
    isolation_trees: int = 100
    seed: int = 0


@dataclass(frozen=True, eq=False)
class RiskModel:
    """Everything needed to say who is at risk. unseen: chance and event of the rows, each out of its own fold."""

    names: tuple[str, ...]
    isolation: Isolation
    trees: Forest
    calibration: Calibration
    threshold: Threshold
    unseen: tuple[Floats, NDArray[np.bool_]]

    def chance(self, features: Rows) -> Floats:
        """(n,) calibrated chance of the event. Raises LogError for features that do not fit."""
        _fits(features, self.names)
        return self.calibration(self.trees.predict(_seen(features, self.isolation)))

    def flagged(self, features: Rows) -> NDArray[np.bool_]:
        """(n,) from the threshold on."""
        return self.chance(features) >= self.threshold.chance

    def reliability(self, bins: int = 10) -> tuple[Bin, ...]:
        """Told against came true, out of fold; calibration was fitted on these rows, so trust a fresh log more."""
        return reliability(*self.unseen, bins)

    def save(self) -> tuple[dict[str, NDArray[np.generic]], dict[str, object]]:
        """Plain arrays, and what is JSON."""
        parts = {"isolation": self.isolation.arrays(), "trees": self.trees.arrays(), "map": self.calibration.arrays()}
        arrays = {f"{part}/{k}": v for part, held in parts.items() for k, v in held.items()}
        chance, event = self.unseen
        arrays |= {"unseen/chance": chance, "unseen/event": event}
        return arrays, {"names": list(self.names), "threshold": self.threshold.__dict__.copy()}

    @classmethod
    def load(cls, arrays: Mapping[str, NDArray[np.generic]], facts: Mapping[str, object]) -> Self:
        """Inverse of save."""
        names, told = facts["names"], facts["threshold"]
        assert isinstance(names, list)
        assert isinstance(told, dict)
        unseen = np.array(arrays["unseen/chance"], np.float64), np.array(arrays["unseen/event"], np.bool_)
        return cls(
            tuple(str(n) for n in names),
            Isolation.of(arrays, "isolation/"),
            Forest.of(arrays, "trees/"),
            Calibration.of(arrays, "map/"),
            Threshold(**told),
            unseen,
        )


def fit_risk(
    features: Rows,
    event: NDArray[np.bool_],
    user_id: NDArray[np.int64],
    names: Sequence[str],
    settings: RiskSettings = RiskSettings(),
) -> RiskModel:
    """A risk model from rows (n, d) and whether the event followed (n,); rows of a user stay in one fold.

    Raises LogError where rows do not fit together, are not finite, or hold too few events to calibrate.
    """
    _fits(features, names)
    if not len(features) == len(event) == len(user_id):
        raise LogError(f"risk model: {len(features)} rows of features, {len(event)} of events, {len(user_id)} of users")
    if min(int(event.sum()), int((~event).sum())) < _LEAST_EVENTS:
        raise LogError(
            f"risk model: needs at least {_LEAST_EVENTS} rows with the event and without, got {int(event.sum())} "
            f"of {len(event)}; give a longer log or more users"
        )
    isolation = isolate(features, trees=settings.isolation_trees, seed=settings.seed)
    x, growth = _seen(features, isolation), replace(settings.growth, seed=settings.seed)
    fold, score = _folds(user_id, settings), np.empty(len(event))
    for f in range(settings.folds):
        trees = grow(x[fold != f], event[fold != f].astype(np.float64), growth, yes_or_no=True)
        score[fold == f] = trees.predict(x[fold == f])
    calibration = calibrate(score, event, settings.calibration)
    chance = calibration(score)
    threshold = cheapest(chance, event, settings.weight, settings.least_precision)
    final = grow(x, event.astype(np.float64), growth, yes_or_no=True)
    return RiskModel(tuple(names), isolation, final, calibration, threshold, (chance, event.copy()))


def _seen(features: Rows, isolation: Isolation) -> Rows:
    """(n, d + 1) features and how unusual they are."""
    return np.concatenate([features, isolation.score(features)[:, None].astype(np.float32)], axis=1)


def _folds(user_id: NDArray[np.int64], settings: RiskSettings) -> NDArray[np.int64]:
    """(n,) 0..folds-1, users spread by a seeded shuffle."""
    users, code = np.unique(user_id, return_inverse=True)
    place = np.random.default_rng([settings.seed, 11]).permutation(len(users))
    return np.asarray(place[code] % settings.folds, dtype=np.int64)


def _fits(features: Rows, names: Sequence[str]) -> None:
    if features.ndim != 2 or features.shape[1] != len(names):
        raise LogError(f"risk model: features have shape {features.shape}, {len(names)} names are known")
    if not np.isfinite(features).all():
        row, column = np.argwhere(~np.isfinite(features))[0]
        raise LogError(f"risk model: row {row}: {names[column]} is not finite, got {features[row, column]}")
