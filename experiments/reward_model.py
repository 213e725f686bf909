"""Cross-fitted reward models: what each arm is expected to bring a user, by a model that never saw that user.

Folds are a hash of the cluster (user), so all rows of a user fall into one fold and the same user always does.
Ridge: one line per arm, shrunk towards the line of all arms together, so that rare arms borrow from the rest.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rage_env.errors import LogError
from rage_env.log import FEATURE_PREFIX
from rage_env.randomness import Draw, Noise, person_keys, seed_key

__all__ = ["Kind", "Predict", "cross_fit", "design_of", "features_of", "fit", "folds_of"]

Kind = Literal["ridge", "trees"]

RIDGE = 10.0
"""Weight of the pull towards the pooled line, in rows; assumed: immaterial from a few hundred rows an arm on."""

LEAST_ROWS_FOR_TREES = 50


def folds_of(labels: pa.ChunkedArray, folds: int = 2, seed: int = 0) -> NDArray[np.int64]:
    """(n,) fold of every row, by a hash of its label (a user)."""
    if pa.types.is_integer(labels.type):
        ids = np.asarray(labels.to_numpy(zero_copy_only=False)).astype(np.int64)
    else:
        coded = labels.combine_chunks().dictionary_encode()
        hashes = np.array([zlib.crc32(str(v).encode()) for v in coded.dictionary.to_pylist()], dtype=np.int64)
        ids = hashes[coded.indices.to_numpy(zero_copy_only=False)]
    key = seed_key(seed)
    return (Noise(key, person_keys(key, ids), 0).uniform(Draw.FOLD) * folds).astype(np.int64)


def features_of(table: pa.Table) -> NDArray[np.float64]:
    """(n, d) of the `x_*` columns. Raises LogError where one is not a finite number."""
    names = [c for c in table.column_names if c.startswith(FEATURE_PREFIX)]
    columns = []
    for name in names:
        try:
            held = np.asarray(table[name].to_numpy(zero_copy_only=False), dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise LogError(f"column {name}: features must be numbers, got {table.schema.field(name).type}") from error
        if not np.isfinite(held).all():
            row = int(np.argmin(np.isfinite(held)))
            raise LogError(f"column {name}, row {row}: features must be finite; got {held[row]}; fill the gaps first")
        columns.append(held)
    return np.stack(columns, axis=1) if columns else np.empty((table.num_rows, 0))


def cross_fit(
    features: NDArray[np.float64],
    arm: NDArray[np.int64],
    outcome: NDArray[np.float64],
    folds: NDArray[np.int64],
    k: int,
    *,
    kind: Kind = "ridge",
    weights: NDArray[np.float64] | None = None,
    dtype: type[np.floating] = np.float32,
) -> NDArray[np.floating]:
    """(n, k) expected outcome of every arm, each row's from the other folds only.

    features: (n, d); arm, outcome, folds: (n,); weights: (n,) how much each row counts in the fit, None: alike.
    Raises LogError when fewer than two folds hold rows.
    """
    if len(np.unique(folds)) < 2:
        raise LogError(f"cross-fitting: all {len(arm)} rows fell into one fold; give q_hat, or a log of more users")
    q = np.empty((len(arm), k), dtype=dtype)
    design = design_of(features)
    for fold in np.unique(folds):
        mine, others = folds == fold, folds != fold
        heavy = None if weights is None else weights[others]
        with np.errstate(over="ignore", invalid="ignore"):  # told by name below
            q[mine] = fit(design[others], arm[others], outcome[others], k, kind=kind, weights=heavy)(design[mine])
    if not np.isfinite(q).all():
        largest = max(float(np.abs(outcome).max()), float(np.abs(features).max(initial=0.0)))
        raise LogError(
            f"reward model: numbers as large as {largest:.3g} overflow it; give outcomes and features in larger units"
        )
    return q


Predict = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""(n, 1 + d) rows of a design -> (n, k) expected outcome of every arm."""


def fit(
    design: NDArray[np.float64],
    arm: NDArray[np.int64],
    outcome: NDArray[np.float64],
    k: int,
    *,
    kind: Kind = "ridge",
    weights: NDArray[np.float64] | None = None,
) -> Predict:
    """A model fitted on exactly these rows; whoever asks keeps the rows that it is used for apart."""
    return (_ridge if kind == "ridge" else _trees)(design, arm, outcome, k, weights)


def design_of(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 1 + d): an intercept and standardised features; columns that never vary become 0."""
    spread = features.std(axis=0)
    scaled = (features - features.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return np.column_stack([np.ones(len(features)), scaled])


def _ridge(
    x: NDArray[np.float64],
    arm: NDArray[np.int64],
    y: NDArray[np.float64],
    k: int,
    weights: NDArray[np.float64] | None,
) -> Predict:
    if weights is not None:  # weighted least squares are plain ones on scaled rows
        total = float(weights.sum())
        root = np.sqrt(weights * (len(weights) / total if total > 0 else 0.0))
        x, y = x * root[:, None], y * root
    pull = RIDGE * np.eye(x.shape[1])
    free = pull.copy()
    free[0, 0] = 0.0 if x[:, 0].any() else 1.0  # the pooled intercept is the mean, whatever its size
    pooled = np.linalg.solve(x.T @ x + free, x.T @ y)
    lines = np.empty((x.shape[1], k))
    for a in range(k):
        mine = x[arm == a]
        gram = mine.T @ mine
        lines[:, a] = pooled + np.linalg.solve(gram + pull, mine.T @ y[arm == a] - gram @ pooled)
    return lambda rows: rows @ lines


def _trees(
    x: NDArray[np.float64],
    arm: NDArray[np.int64],
    y: NDArray[np.float64],
    k: int,
    weights: NDArray[np.float64] | None,
) -> Predict:
    from sklearn.ensemble import HistGradientBoostingRegressor

    def one(a: int) -> Predict:
        mine = arm == a if weights is None else (arm == a) & (weights > 0)
        if mine.sum() < LEAST_ROWS_FOR_TREES:
            mean = float(y[mine].mean() if mine.any() else y.mean())
            return lambda rows: np.full(len(rows), mean)
        model = HistGradientBoostingRegressor(
            max_iter=60, max_leaf_nodes=15, min_samples_leaf=50, early_stopping=False, random_state=0
        ).fit(x[mine], y[mine], None if weights is None else weights[mine])
        return lambda rows: np.asarray(model.predict(rows), dtype=np.float64)

    models = [one(a) for a in range(k)]
    return lambda rows: np.column_stack([m(rows) for m in models])
