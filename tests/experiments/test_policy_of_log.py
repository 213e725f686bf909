"""The policy of another log: shares by what both logs know, and what cannot be carried over."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from experiments.log_source import LogSource
from experiments.policy_of_log import shares_of, with_policy_of
from rage_env.errors import LogError


def source(arm: list[int], **covariates: list[float]) -> LogSource:
    n = len(arm)
    table = pa.table({"user_id": range(n), "week": [0] * n, "arm": arm, "propensity": [0.5] * n, **covariates})
    return LogSource("other", "made up", table, ("a", "b"), ("reward",), "user_id", one_decision=True)


def test_shares_are_counted_in_each_cell_and_met_where_the_cell_is() -> None:
    other = source([0] * 300 + [1] * 100 + [1] * 200, x_late=[0.0] * 400 + [1.0] * 200)
    here = source([0, 1, 0], x_late=[1.0, 0.0, 1.0], x_age=[20.0, 30.0, 40.0])
    shares, cell = shares_of(other, here)
    np.testing.assert_allclose(shares[cell], [[0.0, 1.0], [0.75, 0.25], [0.0, 1.0]])
    asked = with_policy_of(here, other)
    np.testing.assert_allclose(asked.policies()["as in other"], shares[cell])


@pytest.mark.parametrize(
    ("other", "here", "says"),
    [
        (
            source([0, 1] * 60, x_late=[0.0, 1.0] * 60),
            source([0], x_late=[0.0]),
            "holds 60 of its rows; 100 are needed",
        ),
        (source([0] * 200, x_late=[0.0] * 200), source([0], x_late=[1.0]), "row 0 here has covariates"),
        (
            source([0] * 200, x_late=[0.0, 1.0] * 100, x_old=[0.0] * 200),
            source([0, 1], x_late=[1.0, 2.0], x_old=[0.0] * 2),
            "column x_late, row 1: is 0 or 1 in that log, here it is 2.0",
        ),
    ],
)
def test_cells_that_are_too_small_or_unknown_are_told(other: LogSource, here: LogSource, says: str) -> None:
    with pytest.raises(LogError, match=says):
        with_policy_of(here, other)


def test_too_many_cells_are_told() -> None:
    rng = np.random.default_rng(0)
    flags = {f"x_{i}": rng.integers(0, 2, 2_000).astype(float).tolist() for i in range(8)}
    other = source([0, 1] * 1_000, **flags)
    with pytest.raises(LogError, match=r"make 2\d\d cells"):
        with_policy_of(other, other)
