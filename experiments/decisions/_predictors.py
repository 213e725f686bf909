"""Which features a prediction leans on: how far it moves once one of them is shuffled among users."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["shuffled"]

Rows = NDArray[np.float32]


def shuffled(
    predict: Callable[[Rows], NDArray[np.float64]], x: Rows, names: Sequence[str], *, seed: int = 0
) -> dict[str, float]:
    """{feature: mean squared move}, the largest first. predict: (n, d) -> (n,); ties keep the order of `names`."""
    told, moved = predict(x), {}
    for at, name in enumerate(names):
        rows = x.copy()
        rows[:, at] = x[np.random.default_rng([seed, at]).permutation(len(x)), at]
        moved[name] = float(np.mean((predict(rows) - told) ** 2))
    return dict(sorted(moved.items(), key=lambda item: -item[1]))
