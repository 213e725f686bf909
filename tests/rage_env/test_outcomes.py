"""Net revenue is an identity, and value counts who was lost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rage_env.errors import LogError
from rage_env.outcomes import COLUMNS, DELAYED, IMMEDIATE, LEDGER, RESERVED, net_revenue, value

COSTS = ("loss_fraud", "loss_bonus_abuse", "loss_credit", "bonus_cost", "contact_cost")
MONEY = st.floats(min_value=0, max_value=1e5, width=32)


@settings(deadline=None)
@given(st.lists(MONEY, min_size=6, max_size=6))
def test_net_revenue_is_gross_less_every_cost_to_the_last_bit(amounts: list[float]) -> None:
    ledger = {c: np.array([a], np.float32) for c, a in zip(("revenue_gross", *COSTS), amounts, strict=True)}
    expected = np.float32(amounts[0])
    for cost in amounts[1:]:
        expected = np.float32(expected - np.float32(cost))
    assert net_revenue(ledger)[0] == expected


def test_value_by_hand() -> None:
    ledger = {c: np.zeros(2, np.float32) for c in COLUMNS}
    ledger["revenue_gross"] += np.float32(10)
    ledger["bonus_cost"] += np.float32(4)
    ledger["churned"][1] = 1
    assert value(ledger, 80.0).tolist() == [6.0, -74.0]
    assert value(ledger, 80.0).dtype == np.float32
    assert (ledger["revenue_gross"] == 10).all()


def test_a_ledger_that_lacks_a_cost_is_refused_and_the_cost_named() -> None:
    with pytest.raises(LogError, match=r"needs the columns \['bonus_cost'\]"):
        net_revenue({c: np.zeros(1) for c in ("revenue_gross", *COSTS) if c != "bonus_cost"})


def test_every_column_is_either_known_at_once_or_delayed() -> None:
    assert set(COLUMNS) == {*IMMEDIATE, *DELAYED}
    assert not set(IMMEDIATE) & set(DELAYED)
    assert not set(RESERVED) & set(COLUMNS)
    assert {c.unit for c in LEDGER} == {"usd", "count", "0/1"}
    assert "loss_fraud" in DELAYED
    assert "churned" in IMMEDIATE
