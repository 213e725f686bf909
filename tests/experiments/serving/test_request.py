"""A request that breaks a rule is answered by column, row, rule and value, never by a traceback."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from experiments.serving.answer import answer
from experiments.serving.example import rows_of
from experiments.serving.frozen import Frozen
from experiments.serving.request import required
from rage_env.errors import LogError
from tests.experiments.serving.test_frozen import frozen

Change = Callable[[pd.DataFrame], pd.DataFrame]


@pytest.fixture(scope="module")
def policy() -> Frozen:
    return replace(frozen("random")[0], segments={"region": (0, 1)})


@pytest.fixture(scope="module")
def rows(policy: Frozen) -> pd.DataFrame:
    seen = frozen("random")[1]
    last = replace(seen, segments={"region": np.arange(seen.n) % 2})
    return rows_of(policy, last, np.flatnonzero(last.present)[:4])


def cell(column: str, value: object, row: int = 2) -> Change:
    def change(table: pd.DataFrame) -> pd.DataFrame:
        held = table[column].astype(object).tolist() if column in table else [1] * len(table)
        held[row] = value
        return table.assign(**{column: pd.Series(held, dtype=object)})

    return change


BAD: dict[str, tuple[Change, str]] = {
    "no rows": (lambda t: t.iloc[:0], "holds no rows; send one row for each user"),
    "column missing": (lambda t: t.drop(columns="x_risk"), "column 'x_risk' is missing. Every request has user_id, x_"),
    "column misspelt": (
        lambda t: t.rename(columns={"x_risk": "x_rsik"}),
        "column 'x_risk' is missing: did you mean 'x_rsik'? Every",
    ),
    "column unknown": (lambda t: t.assign(allowed_loan=1), "column 'allowed_loan' is unknown: did you mean 'allowed'?"),
    "column twice": (lambda t: pd.concat([t, t[["x_plan"]]], axis=1), "column 'x_plan' stands twice"),
    "nan": (cell("x_plan", math.nan), "column 'x_plan', row 2: must be a finite number, is nan"),
    "nothing": (cell("x_plan", None), "column 'x_plan', row 2: must be a finite number, is None"),
    "infinite": (cell("x_plan", math.inf), "column 'x_plan', row 2: must be a finite number, is inf"),
    "too large": (cell("x_plan", 1e39), "column 'x_plan', row 2: must be a finite number, is 1e+39"),
    "text": (cell("x_plan", "gold"), "column 'x_plan', row 2: must be a finite number, is 'gold'"),
    "number as text": (cell("x_plan", "1.5"), "column 'x_plan', row 2: must be a finite number, is '1.5'"),
    "flag": (cell("x_plan", True), "column 'x_plan', row 2: must be a finite number, is True"),
    "list": (cell("x_plan", [1.0]), "column 'x_plan', row 2: must be a finite number, is [1.0]"),
    "id broken": (cell("user_id", 1.5), "column 'user_id', row 2: must be a whole number from 0"),
    "id negative": (cell("user_id", -1), "column 'user_id', row 2: must be a whole number from 0"),
    "id beyond JSON": (cell("user_id", 2**60), "column 'user_id', row 2: must be a whole number from 0"),
    "id twice": (lambda t: t.assign(user_id=[5, 6, 7, 5]), "user_id 5 stands in rows 0 and 3; send each user once"),
    "arm unknown": (
        cell("allowed", "nudge bonsu"),
        "column 'allowed', row 2: no arm is called 'bonsu': did you mean 'bonus'? Arms: no_offer, nudge, bonus, loan.",
    ),
    "arms none": (cell("allowed", None), "column 'allowed', row 2: must name arms, such as 'nudge bonus', or be ''"),
    "arms a number": (cell("allowed", 3), "column 'allowed', row 2: must name arms"),
    "code": (cell("segment_region", 7), "column 'segment_region', row 2: must be a code that the policy's run met (0"),
    "chance": (cell("status_quo_nudge", -0.1), "column 'status_quo_nudge', row 2: must be a probability from 0 to 1"),
    "chances": (cell("status_quo_nudge", 0.5), "columns status_quo_*, row 2: must sum to 1, sum to 1.5"),
    "present": (cell("present", 2), "column 'present', row 2: must be 0 or 1, is 2"),
    "several": (lambda t: t.assign(x_plan=math.nan), "row 0: must be a finite number, is nan; 3 rows more break"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_table_is_refused_by_column_row_and_rule(policy: Frozen, rows: pd.DataFrame, case: str) -> None:
    change, told = BAD[case]
    with pytest.raises(LogError, match=re.escape(told)):
        answer(policy, change(rows), {})


BAD_PARAMS: dict[str, tuple[Mapping[str, object], str]] = {
    "week lived": ({"week": 2}, "week: must be a whole number from 3 to 1000000 (the run decided weeks before 3); got"),
    "week broken": ({"week": 3.5}, "week: must be a whole number from 3"),
    "seed": ({"seed": -1}, "seed: must be a whole number from 0"),
    "text": ({"seed": "one"}, "seed: must be a whole number from 0"),
    "sums short": (
        {"numerator_to_date": [1.0]},
        "numerator_to_date: must be 5 finite numbers, one for each of loss_ra",
    ),
    "sums nan": ({"denominator_to_date": [math.nan] * 5}, "denominator_to_date: must be 5 finite numbers"),
    "sums text": ({"denominator_to_date": ["a"] * 5}, "denominator_to_date: must be 5 finite numbers"),
    "strange": ({"sede": 1}, "'sede' is none: did you mean 'seed'? There are week, seed"),
}


@pytest.mark.parametrize("case", BAD_PARAMS)
def test_a_bad_parameter_is_refused_by_name_and_rule(policy: Frozen, rows: pd.DataFrame, case: str) -> None:
    params, told = BAD_PARAMS[case]
    with pytest.raises(LogError, match=re.escape(told)):
        answer(policy, rows, params)


def test_eligibility_is_kept_and_may_be_text_or_a_list(policy: Frozen, rows: pd.DataFrame) -> None:
    held = [["nudge"], "nudge", "", "no_offer nudge bonus"]
    found = answer(policy, rows.assign(allowed=pd.Series(held, dtype=object)), {}).filter(like="prob_").to_numpy()
    assert ((found > 0) == [[1, 1, 0, 0], [1, 1, 0, 0], [1, 0, 0, 0], [1, 1, 1, 0]]).all()


def test_whole_numbers_are_numbers_too(policy: Frozen, rows: pd.DataFrame) -> None:
    whole = rows.assign(x_plan=np.array([0, 1, 0, 1]))
    assert answer(policy, whole, {}).equals(answer(policy, whole.astype({"x_plan": float, "user_id": float}), {}))


def test_sums_to_date_count_against_limits_of_longer_windows() -> None:
    policy, last, _ = frozen("constrained_thompson")
    rows = rows_of(policy, last, np.flatnonzero(last.present))
    used_up = [0.0, 0.0, 0.0, 0.0, 1e6]
    with_room, without = (
        answer(policy, rows, {"numerator_to_date": sums, "denominator_to_date": [1.0] * 5})["prob_no_offer"].mean()
        for sums in ([0.0] * 5, used_up)
    )
    assert without > with_room


def test_what_happens_today_is_asked_for_where_it_matters_alone() -> None:
    assert any(name.startswith("status_quo_") for name in required(frozen("status_quo")[0]))
    assert any(name.startswith("status_quo_") for name in required(frozen("lagrangian_linucb")[0]))  # by its limit
