"""A table that breaks rules is refused by default, every rule naming column, row and value; or mended and counted."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from rage_env.errors import LogError
from rage_env.log import validate_log
from rage_env.log_checks import drop_invalid

N = 8


def table(**changes: object) -> pa.Table:
    probs = np.tile([0.25, 0.75], (N, 1))
    arm = np.arange(N) % 2
    held: dict[str, object] = {
        "user_id": np.arange(N),
        "week": np.zeros(N, np.int32),
        "arm": arm,
        "propensity": probs[np.arange(N), arm],
        "reward": np.arange(N, dtype=np.float64),
        "x_age": np.ones(N),
        "prob_nothing": probs[:, 0],
        "prob_coupon": probs[:, 1],
    }
    return pa.table({**held, **changes})


def with_value(column: str, row: int, value: object) -> pa.Table:
    values = table()[column].to_pylist()
    values[row] = value
    return table(**{column: pa.array(values)})


BROKEN = [
    ("propensity", 3, 0.0, r"column propensity, row 3: must lie in \(0, 1\]; got 0.0"),
    ("propensity", 3, 0.5, "column propensity, row 3: must equal the prob_\\* entry of the arm taken; got 0.5"),
    ("propensity", 3, None, r"column propensity, row 3: must lie in \(0, 1\]; got nan"),
    ("arm", 2, 7, "column arm, row 2: must be one of the 2 arms 0..1; got 7"),
    ("arm", 2, -1, "column arm, row 2: must be a whole number from 0; got -1"),
    ("arm", 2, 0.5, "column arm, row 2: must be a whole number from 0; got 0.5"),
    ("arm", 2, None, "column arm, row 2: must be a whole number from 0; got nan"),
    ("reward", 5, float("inf"), "column reward, row 5: must be finite; got inf"),
    ("reward", 5, None, "column reward, row 5: must be finite; got nan"),
    ("x_age", 1, float("nan"), "column x_age, row 1: must be finite; got nan"),
    ("prob_nothing", 4, 0.3, r"column prob_\*, row 4: must sum to 1; got 1.05"),
    ("prob_nothing", 4, -0.25, r"column prob_nothing, row 4: must lie in \[0, 1\]; got -0.25"),
    ("prob_nothing", 4, None, "column prob_nothing, row 4: must lie in"),
    ("user_id", 6, None, "column user_id, row 6: must not be empty"),
    ("week", 6, None, "column week, row 6: must not be empty"),
    (
        "user_id",
        6,
        5,
        "columns user_id, week, row 5: .*; user 5 has 2 rows in week 0",
    ),
]


@pytest.mark.parametrize(("column", "row", "value", "says"), BROKEN)
def test_a_broken_row_is_refused_naming_column_row_value_and_rule(
    column: str, row: int, value: object, says: str
) -> None:
    with pytest.raises(LogError, match=says):
        validate_log(with_value(column, row, value), k=2)


@pytest.mark.parametrize(("column", "row", "value", "says"), BROKEN)
def test_a_broken_row_can_be_dropped_and_is_counted(column: str, row: int, value: object, says: str) -> None:
    left, dropped = drop_invalid(with_value(column, row, value), k=2)
    lost = [5, 6] if "has 2 rows" in says else [row]  # nobody knows which of two rows is right
    assert left["reward"].to_pylist() == [float(r) for r in range(N) if r not in lost]
    assert (dropped.rows, dropped.of) == (len(lost), N)
    assert str(dropped).startswith(f"dropped {len(lost)} of 8 rows (")
    assert validate_log(left, k=2) is left


def test_a_valid_log_loses_nothing_and_is_the_very_same() -> None:
    whole = table()
    left, dropped = drop_invalid(whole, k=2)
    assert left is whole
    assert str(dropped) == "dropped 0 of 8 rows"


def test_rows_that_break_several_rules_are_dropped_once() -> None:
    bad = table(reward=[np.inf, *range(1, N)], arm=[9, *(np.arange(N) % 2)[1:]])
    _, dropped = drop_invalid(bad, k=2)
    assert dropped.rows == 1
    assert len(dropped.counts) == 2
    assert set(dropped.counts.values()) == {1}


def test_what_is_wrong_with_the_whole_table_cannot_be_dropped() -> None:
    with pytest.raises(LogError, match=r"log lacks the columns \['arm'\]; it has \['user_id'"):
        drop_invalid(table().drop_columns("arm"), k=2)
    with pytest.raises(LogError, match="no row keeps every rule; dropped 8 of 8 rows"):
        drop_invalid(table(reward=np.full(N, np.nan)), k=2)
    with pytest.raises(LogError, match="leave out both or neither"):
        drop_invalid(table(propensity=np.full(N, np.nan)), k=2)
