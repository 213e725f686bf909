"""How unusual a user is: an isolation forest as plain arrays (Liu, Ting and Zhou 2008).

Each tree cuts 64 users apart at random; who stands alone after few cuts is unusual. The score 2^-(mean depth / c(64))
lies in (0, 1). 64 users a tree keep it within the 64 leaves of a `Forest`; the authors found 256 enough and fewer
hardly worse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from agents.beliefs.trees import Forest

__all__ = ["Isolation", "isolate"]

Floats = NDArray[np.float64]
_USERS = 64  # a tree


@dataclass(frozen=True, eq=False)
class Isolation:
    """depths: a forest whose sum is the mean depth at which a row stands alone. usual: that of a random row."""

    depths: Forest
    usual: float

    def score(self, x: NDArray[np.float32]) -> Floats:
        """(n,) in (0, 1); above about .5 is unusual."""
        if self.usual <= 0:
            return np.full(len(x), 0.5)
        return np.asarray(np.exp2(-self.depths.predict(x) / self.usual), dtype=np.float64)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """State as plain arrays."""
        return {"usual": np.array(self.usual), **self.depths.arrays()}

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[np.generic]], prefix: str = "") -> Self:
        """Inverse of arrays, from names under `prefix`."""
        return cls(Forest.of(arrays, prefix), float(arrays[f"{prefix}usual"]))


def isolate(x: NDArray[np.float32], *, trees: int = 100, seed: int = 0) -> Isolation:
    """An isolation forest of the rows x (n, d); everybody is usual where there are fewer than two."""
    from sklearn.ensemble import IsolationForest

    if len(x) < 2:
        return Isolation(Forest.constant(0.0), 0.0)
    model = IsolationForest(n_estimators=trees, max_samples=min(_USERS, len(x)), random_state=seed).fit(x)
    parts = [_tree(estimator.tree_) for estimator in model.estimators_]
    return Isolation(Forest.blend([(1.0 / len(parts), part) for part in parts]), _depth(min(_USERS, len(x))))


def _tree(tree: Any) -> Forest:  # scikit-learn has no types
    """A forest of one tree whose leaves hold the depth, and that of the users not yet parted."""
    depth = np.zeros(tree.node_count)
    for node in range(tree.node_count):  # children stand after their parents
        for child in (tree.children_left[node], tree.children_right[node]):
            if child >= 0:
                depth[child] = depth[node] + 1
    rest = np.array([_depth(int(users)) for users in tree.n_node_samples])
    return Forest.of_nodes(tree.feature, tree.threshold, tree.children_left, tree.children_right, depth + rest)


def _depth(users: int) -> float:
    """c(n): mean depth of an unsuccessful search among n in a binary tree."""
    if users <= 1:
        return 0.0
    if users == 2:
        return 1.0
    return float(2.0 * (np.log(users - 1.0) + np.euler_gamma) - 2.0 * (users - 1.0) / users)
