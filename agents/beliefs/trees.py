"""Gradient boosted trees as plain arrays: fitted by scikit-learn, evaluated, saved and loaded without it.

A row leaves a tree at the first leaf, from the left, that no failed test rules out: each test `x <= threshold`
that fails strikes out the leaves to its left (Lucchese et al. 2015, QuickScorer, section 3). One comparison and one
AND a test, so a cohort goes through a tree in a few passes, and a forest is five rectangular arrays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from rage_env.errors import LogError

__all__ = ["MOST_LEAVES", "SMALL", "Forest", "Growth", "grow", "with_arm"]

Floats = NDArray[np.float64]
Rows = NDArray[np.float32]
MOST_LEAVES = 64
_CHUNK = 16_384


@dataclass(frozen=True)
class Growth:
    """How trees are grown. least_rows: in a leaf; None for one in forty of the rows, between 20 and 300."""

    trees: int = 30
    leaves: int = 15
    rate: float = 0.1
    ridge: float = 10.0
    least_rows: int | None = None
    bins: int = 63
    seed: int = 0


SMALL = Growth()
"""30 trees of 15 leaves."""


@dataclass(frozen=True, eq=False)
class Forest:
    """A sum of t trees of at most 64 leaves over features x, float32. Padded tests never fail.

    `probability` reads the sum as log odds, `predict` as it is.
    """

    base: float
    feature: NDArray[np.int64]  # (t, tests)
    threshold: Rows  # (t, tests)
    keeps: NDArray[np.uint64]  # (t, tests) bits of the leaves that a failed test leaves standing
    leaf: Floats  # (t, leaves)

    def predict(self, x: Rows) -> Floats:
        """(n,) sums of leaves. x: (n, d), finite."""
        out = np.empty(len(x))
        for first in range(0, len(x), _CHUNK):
            part = slice(first, first + _CHUNK)
            out[part] = self._sum(np.ascontiguousarray(x[part].T, dtype=np.float32))
        return out

    def probability(self, x: Rows) -> Floats:
        """(n,) for a forest that was grown on yes and no."""
        return np.asarray(expit(self.predict(x)), dtype=np.float64)

    def _sum(self, columns: Rows) -> Floats:
        """(n,) for columns (d, n). Struck leaves are gathered by a product: no branch on what cannot be guessed."""
        n = columns.shape[1]
        bits = _narrowest(self.leaf.shape[1])
        struck = (~self.keeps).astype(bits)
        total = np.full(n, self.base)
        failed, product = np.empty(n, np.bool_), np.empty(n, bits)
        for tree in range(len(self.leaf)):
            gone = np.zeros(n, bits)
            for feature, threshold, strikes in zip(
                self.feature[tree].tolist(), self.threshold[tree], struck[tree], strict=True
            ):
                if threshold < np.inf:
                    np.greater(columns[feature], threshold, out=failed)
                    np.multiply(failed, strikes, out=product)
                    gone |= product
            first = np.bitwise_count(gone & ~(gone + bits(1)))
            total += self.leaf[tree][first]
        return total

    @classmethod
    def constant(cls, value: float) -> Self:
        """The same answer for all."""
        shape = (0, 1)
        return cls(
            value, np.zeros(shape, np.int64), np.zeros(shape, np.float32), np.zeros(shape, np.uint64), np.zeros(shape)
        )

    @classmethod
    def of_nodes(
        cls,
        feature: NDArray[np.integer],
        threshold: Floats,
        left: NDArray[np.integer],
        right: NDArray[np.integer],
        value: Floats,
    ) -> Forest:
        """One tree given by its nodes, the root first; left, right: (nodes,) indices, below 0 at leaves."""
        return _stacked(0.0, [_numbered(feature, threshold, left, right, value)])

    @classmethod
    def blend(cls, parts: Sequence[tuple[float, Forest]]) -> Self:
        """The weighted sum of forests, as one."""
        tests = max(f.feature.shape[1] for _, f in parts)
        leaves = max(f.leaf.shape[1] for _, f in parts)
        return cls(
            float(sum(w * f.base for w, f in parts)),
            np.concatenate([_widened(f.feature, tests, 0) for _, f in parts]),
            np.concatenate([_widened(f.threshold, tests, np.inf) for _, f in parts]),
            np.concatenate([_widened(f.keeps, tests, 0) for _, f in parts]),
            np.concatenate([_widened(w * f.leaf, leaves, 0.0) for w, f in parts]),
        )

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """State as plain arrays."""
        return {"base": np.array(self.base), **{f: getattr(self, f) for f in _TABLES}}

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[np.generic]], prefix: str = "") -> Self:
        """Inverse of arrays, from names under `prefix`."""
        tables = [np.array(arrays[prefix + f], dtype=kind) for f, kind in _TABLES.items()]
        return cls(float(arrays[f"{prefix}base"]), *tables)


_TABLES: dict[str, Any] = {  # NumPy's scalar types have no common type that dtype= takes
    "feature": np.int64,
    "threshold": np.float32,
    "keeps": np.uint64,
    "leaf": np.float64,
}


def _narrowest(leaves: int) -> type[np.unsignedinteger[Any]]:  # Any: any width
    """The smallest type with a bit for every leaf; the last of them is never struck out."""
    return next(t for t in (np.uint16, np.uint32, np.uint64) if leaves <= np.iinfo(t).bits)


_Tables = tuple[NDArray[np.int64], Rows, NDArray[np.uint64], Floats]


def grow(
    x: Rows,
    y: NDArray[np.floating],
    growth: Growth = Growth(),
    *,
    weight: Floats | None = None,
    yes_or_no: bool = False,
) -> Forest:
    """A forest for y (n,) given x (n, d): squared error, or log loss where y is yes or no.

    Constant where there is nothing to split. Raises LogError for NaN, infinity, or a y beyond {0, 1} when it must be.
    """
    from threadpoolctl import threadpool_limits

    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise LogError("trees: features and outcomes must be finite; drop or mend rows with NaN before fitting")
    if yes_or_no and not np.isin(y, (0, 1)).all():
        raise LogError(f"trees: yes or no must be 0 or 1, got {y[~np.isin(y, (0, 1))][0]}")
    if yes_or_no and (not len(y) or y.min(initial=1) == y.max(initial=0)):
        share = (float(np.sum(y)) + 0.5) / (len(y) + 1.0)
        return Forest.constant(float(np.log(share / (1 - share))))
    if len(y) < 2:
        return Forest.constant(float(np.mean(y)) if len(y) else 0.0)
    with threadpool_limits(limits=1):
        model = _estimator(growth, len(y), yes_or_no).fit(x, y, sample_weight=weight)
    return _exported(model)


def with_arm(features: Rows, arm: NDArray[np.integer]) -> Rows:
    """(n, d + 1) features and the code of the arm."""
    return np.concatenate([features, arm[:, None].astype(np.float32)], axis=1)


def _estimator(growth: Growth, rows: int, yes_or_no: bool) -> Any:  # scikit-learn has no types
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingClassifier if yes_or_no else HistGradientBoostingRegressor
    least = growth.least_rows if growth.least_rows is not None else max(20, min(300, rows // 40))
    return kind(
        max_iter=growth.trees,
        max_leaf_nodes=min(growth.leaves, MOST_LEAVES),
        learning_rate=growth.rate,
        min_samples_leaf=least,
        l2_regularization=growth.ridge,
        early_stopping=False,
        max_bins=growth.bins,
        random_state=growth.seed,
    )


def _exported(model: Any) -> Forest:  # scikit-learn has no types
    base = float(np.asarray(model._baseline_prediction).item())
    return _stacked(base, [_tables(p[0].nodes) for p in model._predictors])


def _stacked(base: float, trees: list[_Tables]) -> Forest:
    tests, leaves = max(len(t[0]) for t in trees), max(len(t[3]) for t in trees)
    fills = (0, np.inf, 0, 0.0)
    widths = (tests, tests, tests, leaves)
    stacked = [
        np.stack([_widened(t[j][None], widths[j], fills[j])[0] for t in trees]).astype(kind)
        for j, kind in enumerate(_TABLES.values())
    ]
    return Forest(base, *stacked)


def _tables(nodes: NDArray[Any]) -> _Tables:  # a record array has no type of its own
    """One tree of scikit-learn's boosting."""
    leaf = nodes["is_leaf"].astype(np.bool_)
    left = np.where(leaf, -1, nodes["left"].astype(np.int64))
    right = np.where(leaf, -1, nodes["right"].astype(np.int64))
    return _numbered(nodes["feature_idx"], nodes["num_threshold"], left, right, nodes["value"])


def _numbered(
    feature: NDArray[np.integer],
    threshold: Floats,
    left: NDArray[np.integer],
    right: NDArray[np.integer],
    value: Floats,
) -> _Tables:
    """One tree's tests and leaves, leaves numbered from the left. left, right: (nodes,), -1 at leaves."""
    tests: list[tuple[int, np.float32]] = []
    keeps: list[int] = []
    leaf: list[float] = []

    def visit(node: int) -> None:
        if left[node] < 0:
            leaf.append(float(value[node]))
            return
        first, place = len(leaf), len(tests)
        tests.append((int(feature[node]), _below(float(threshold[node]))))
        keeps.append(0)
        visit(int(left[node]))
        struck = ((1 << len(leaf)) - 1) ^ ((1 << first) - 1)
        keeps[place] = ((1 << MOST_LEAVES) - 1) ^ struck
        visit(int(right[node]))

    visit(0)
    return (
        np.array([f for f, _ in tests], np.int64),
        np.array([t for _, t in tests], np.float32),
        np.array(keeps, np.uint64),
        np.array(leaf, np.float64),
    )


def _below(threshold: float) -> np.float32:
    """The largest float32 not above the threshold: the same rows pass, since features are float32."""
    near = np.float32(threshold)
    return near if float(near) <= threshold else np.nextafter(near, np.float32(-np.inf))


def _widened(table: NDArray[Any], width: int, fill: float) -> NDArray[Any]:
    missing = width - table.shape[1]
    return np.pad(table, ((0, 0), (0, missing)), constant_values=fill) if missing > 0 else table
