"""Effects of arms against arm 0 by the doubly robust learner, cross-fitted by user (Kennedy 2023, algorithm 1).

Pseudo-outcome of arm a: mu_a - mu_0 + 1[A = a] (Y - mu_a) / p_A - 1[A = 0] (Y - mu_0) / p_A, with the logged
propensity p_A of the arm taken, so its mean is the effect whatever the nuisance mu. Two folds by a hash of the
user: neither nuisance nor effect is ever judged on users it was fitted on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rage_env.errors import LogError

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingRegressor

__all__ = ["Effects", "Trial", "fit_effects", "fold_of"]

Floats = NDArray[np.float64]
_LEAST_TREATED = 40  # rows of an arm below which its effect is not fitted


@dataclass(frozen=True, eq=False)
class Trial:
    """Rows to learn effects from. Arrays share their first axis."""

    features: NDArray[np.float32]  # (rows, d)
    arm: NDArray[np.int64]  # (rows,)
    outcome: NDArray[np.float64]  # (rows,), larger is better
    propensity: NDArray[np.float64]  # (rows,) of the arm taken
    user_id: NDArray[np.int64]  # (rows,)

    def __post_init__(self) -> None:
        if not ((self.propensity > 0) & (self.propensity <= 1)).all():
            row = int(np.argmin((self.propensity > 0) & (self.propensity <= 1)))
            raise LogError(f"trial row {row}: propensity must lie in (0, 1], got {self.propensity[row]}")
        if not (np.isfinite(self.features).all() and np.isfinite(self.outcome).all()):
            raise LogError("trial: features and outcomes must be finite; drop or mend rows with NaN before fitting")

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """The rows as plain arrays."""
        return {f: getattr(self, f) for f in self.__dataclass_fields__}

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[np.generic]], prefix: str = "") -> Trial:
        """Inverse of arrays, from names under `prefix`."""
        return cls(
            arrays[f"{prefix}features"].astype(np.float32),
            arrays[f"{prefix}arm"].astype(np.int64),
            arrays[f"{prefix}outcome"].astype(np.float64),
            arrays[f"{prefix}propensity"].astype(np.float64),
            arrays[f"{prefix}user_id"].astype(np.int64),
        )

    def rows(self, keep: NDArray[np.bool_] | NDArray[np.intp]) -> Trial:
        """Some of the rows."""
        return Trial(*(getattr(self, f)[keep] for f in self.__dataclass_fields__))


@dataclass(frozen=True, eq=False)
class Effects:
    """Fitted effects of arms 1..k-1. average, stderr, slope: (k - 1,).

    An effect is average + slope * (predicted - mean prediction): slope, in [0, 1], is how much of the predicted
    spread holds for users of the other fold; 0 where trees found nothing but noise.
    """

    models: tuple[tuple[HistGradientBoostingRegressor, ...], ...]  # (k - 1) x folds; empty where an arm is too rare
    centre: Floats
    average: Floats
    stderr: Floats
    slope: Floats

    def predict(self, features: NDArray[np.float32], prior_sd: float = np.inf) -> Floats:
        """(n, k - 1) effects; averages are shrunk to 0 as under a prior of sd `prior_sd`."""
        out = np.zeros((len(features), len(self.models)))
        for j, folds in enumerate(self.models):
            if folds:
                kept = 1.0 if np.isinf(prior_sd) else prior_sd**2 / (prior_sd**2 + self.stderr[j] ** 2)
                out[:, j] = kept * self.average[j]
                if self.slope[j] > 0:
                    out[:, j] += self.slope[j] * (
                        np.mean([m.predict(features) for m in folds], axis=0) - self.centre[j]
                    )
        return out


def fit_effects(
    trial: Trial, k: int, *, offset: Floats | None = None, trim: float = 0.02, seed: int = 0, trees: int = 30
) -> Effects:
    """Effects of arms 1..k-1 against arm 0, beyond `offset` (rows, k - 1) where effects are already believed.

    trim: propensities below it count as it, to bound the weights.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        fold = fold_of(trial.user_id, seed)
        mu = np.empty((len(trial.arm), k))
        for f in (0, 1):
            model = _boost(_with_arm(trial.features, trial.arm)[fold != f], trial.outcome[fold != f], trees, seed)
            for a in range(k):
                mu[fold == f, a] = _predicted(model, _with_arm(trial.features, np.full(len(mu), a))[fold == f])
        weight = 1.0 / np.maximum(trial.propensity, trim)
        known = np.zeros((len(mu), k - 1)) if offset is None else offset
        fits = [_effect(trial, mu, a, weight, fold, known[:, a - 1], (trees, seed)) for a in range(1, k)]
    columns = np.array([f[1:] for f in fits], dtype=np.float64).reshape(-1, 4)
    return Effects(tuple(f[0] for f in fits), *columns.T)


def fold_of(user_id: NDArray[np.int64], seed: int = 0) -> NDArray[np.int64]:
    """(rows,) 0 or 1 by a hash of the user, the same in every week."""
    mixed = (user_id.astype(np.uint64) + np.uint64(2 * seed + 1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(29)
    return ((mixed * np.uint64(0xBF58476D1CE4E5B9)) >> np.uint64(63)).astype(np.int64)


def _effect(
    trial: Trial, mu: Floats, a: int, weight: Floats, fold: NDArray[np.int64], known: Floats, shape: tuple[int, int]
) -> tuple[tuple[HistGradientBoostingRegressor, ...], float, float, float, float]:
    """Models of both folds, mean prediction, average effect, its standard error, slope on the other fold."""
    taken, alone = trial.arm == a, trial.arm == 0
    counts = [int(taken[fold == f].sum()) for f in (0, 1)]
    if min(counts) < _LEAST_TREATED // 2 or not alone.any():
        return (), 0.0, 0.0, np.inf, 0.0
    pseudo = mu[:, a] - mu[:, 0] + taken * weight * (trial.outcome - mu[:, a])
    pseudo -= alone * weight * (trial.outcome - mu[:, 0])
    pseudo -= known
    trees, seed = shape
    models = tuple(_boost(trial.features[fold != f], pseudo[fold != f], trees, seed) for f in (0, 1))
    held_out = np.empty(len(pseudo))
    for f, model in enumerate(models):
        held_out[fold == f] = model.predict(trial.features[fold == f])
    centred = held_out - held_out.mean()
    variance = float(centred @ centred)
    slope = float(np.clip(centred @ pseudo / variance, 0.0, 1.0)) if variance > 0 else 0.0
    return models, float(held_out.mean()), float(pseudo.mean()), float(pseudo.std() / np.sqrt(len(pseudo))), slope


def _boost(x: NDArray[np.float32], y: Floats, trees: int, seed: int) -> HistGradientBoostingRegressor:
    from sklearn.ensemble import HistGradientBoostingRegressor

    model = HistGradientBoostingRegressor(
        max_iter=trees,
        max_leaf_nodes=15,
        min_samples_leaf=max(20, min(300, len(y) // 40)),
        l2_regularization=10.0,
        early_stopping=False,
        max_bins=63,
        random_state=seed,
    )
    return model.fit(x, y) if len(y) else model.fit(np.zeros((1, x.shape[1])), np.zeros(1))


def _predicted(model: HistGradientBoostingRegressor, x: NDArray[np.float32]) -> Floats:
    return np.asarray(model.predict(x), dtype=np.float64) if len(x) else np.empty(0)


def _with_arm(features: NDArray[np.float32], arm: NDArray[np.int64]) -> NDArray[np.float32]:
    """(rows, d + k_seen) features and one flag for the arm."""
    return np.concatenate([features, arm[:, None].astype(np.float32)], axis=1)
