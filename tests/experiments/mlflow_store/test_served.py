"""A served policy answers over HTTP as it would itself, and bad requests get 400 and a reason."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

from experiments.serving.answer import answer
from experiments.serving.example import rows_of
from experiments.serving.frozen import Frozen
from experiments.tracking.model import save_model
from tests.experiments.mlflow_store.stores import asked, serving
from tests.experiments.serving.test_frozen import frozen

Row = dict[str, Any]  # Any: cells of a request


@pytest.fixture(scope="module")
def policy() -> Frozen:
    return frozen("lagrangian_linucb")[0]


@pytest.fixture(scope="module")
def table(policy: Frozen) -> pd.DataFrame:
    last = frozen("lagrangian_linucb")[1]
    return rows_of(policy, last, np.flatnonzero(last.present)[:6])


@pytest.fixture(scope="module")
def rows(table: pd.DataFrame) -> list[Row]:
    found: list[Row] = json.loads(table.to_json(orient="records", double_precision=15))
    return found


@pytest.fixture(scope="module")
def address(policy: Frozen, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """MLflow's own scoring server, with the model as it would be registered."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own
        import mlflow.pyfunc
        from mlflow.pyfunc.scoring_server import init

        path = save_model(policy, frozen("lagrangian_linucb")[1], tmp_path_factory.mktemp("served") / "model")
        with serving(init(mlflow.pyfunc.load_model(str(path)))) as here:
            yield here


def test_decisions_over_http_are_those_of_the_policy(
    address: str, policy: Frozen, rows: list[Row], table: pd.DataFrame
) -> None:
    status, told = asked(address, {"dataframe_records": rows})
    assert status == 200
    wanted = answer(policy, table, {}).to_dict("records")
    assert told["predictions"] == wanted
    split = json.loads(table.to_json(orient="split", double_precision=15))
    parquet = io.BytesIO()
    table.to_parquet(parquet)
    for body, kind in (
        ({"dataframe_split": split}, "application/json"),
        (parquet.getvalue(), "application/vnd.apache.parquet"),
    ):
        assert asked(address, body, kind) == (200, {"predictions": wanted})
    _, other = asked(address, {"dataframe_records": rows, "params": {"seed": 99, "week": 40}})
    assert other["predictions"] == answer(policy, table, {"seed": 99, "week": 40}).to_dict("records")


def put(rows: list[Row], column: str, value: object) -> list[Row]:
    return [row | ({column: value} if i == 2 else {}) for i, row in enumerate(rows)]


BAD: dict[str, tuple[str, object, str]] = {
    "text": ("x_risk", "high", "column 'x_risk', row 2: must be a finite number, is 'high'"),
    "nothing": ("x_risk", None, "column 'x_risk', row 2: must be a finite number, is nan"),
    "NaN": ("x_risk", float("nan"), "column 'x_risk', row 2: must be a finite number, is nan"),
    "infinity": ("x_risk", float("inf"), "column 'x_risk', row 2: must be a finite number, is inf"),
    "half an id": ("user_id", 1.5, "column 'user_id', row 2: must be a whole number"),
    "arm": ("allowed", "nudge laon", "column 'allowed', row 2: no arm is called 'laon': did you mean 'loan'?"),
    "chances": ("status_quo_loan", 0.7, "columns status_quo_*, row 2: must sum to 1"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_cell_gets_400_and_its_place(address: str, rows: list[Row], case: str) -> None:
    column, value, told = BAD[case]
    status, found = asked(address, {"dataframe_records": put(rows, column, value)})
    assert status == 400
    assert told in found["message"]
    assert "stack_trace" not in found
    assert "Traceback" not in json.dumps(found)


def test_a_missing_column_an_empty_batch_a_lived_week_and_no_json_get_400_too(address: str, rows: list[Row]) -> None:
    without = [{name: cell for name, cell in row.items() if name != "x_plan"} for row in rows]
    columns = list(rows[0])
    for body, told in (
        ({"dataframe_records": without}, "column 'x_plan' is missing. Every request has user_id, x_risk"),
        ({"dataframe_records": []}, "holds no rows; send one row for each user"),
        ({"dataframe_split": {"columns": columns, "data": []}}, "holds no rows; send one row for each user"),
        ({"dataframe_records": rows, "params": {"week": 1}}, "week: must be a whole number from 3"),
        ({"dataframe_records": rows, "params": {"seed": "a"}}, "Failed to validate type and shape for 'seed'"),
        ({"rows": rows}, "exactly one of the input fields"),
        (b"{", "Ensure that input is a valid JSON"),
    ):
        status, found = asked(address, body)
        assert status == 400, told
        assert told in found["message"]
        assert "stack_trace" not in found
