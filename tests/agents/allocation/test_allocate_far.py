"""Limits that hardly anybody may use: the first prices are far off there, and must not lead the search astray."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from agents.allocation import Linear, allocate, verify


def nearly_used_up(seed: int, n: int = 20_000, k: int = 6, g: int = 2) -> tuple[NDArray[np.float64], list[Linear]]:
    """Value of wide spread, usage by four rates an arm, limits at a two-thousandth of what the greedy would use."""
    rng = np.random.default_rng(seed)
    value = np.exp(1.5 * rng.normal(size=(n, 1))) * (0.2 + 0.3 * rng.normal(size=(n, k)))
    value[:, 0] = 0
    rows = []
    for j in range(g):
        rate = rng.uniform(0.2, 2.0, size=(4, k))
        rate[:, 0] = 0
        if j:
            rate[:, 1 + j] = 0
        coef = rate[rng.integers(4, size=n)]
        greedy = coef[np.arange(n), value.argmax(axis=1)].sum()
        rows.append(Linear(f"row{j}", coef, float(0.0005 * greedy)))
    return value, rows


@pytest.mark.parametrize("seed", [0, 1])
def test_limits_that_hardly_anybody_may_use_cost_few_passes(seed: int) -> None:
    value, rows = nearly_used_up(seed)
    found = allocate(value, rows)
    assert found.status == "optimal"
    assert found.passes <= 8  # 13 and 14 from softened prices alone
    assert verify(value, rows, found).problems == ()
