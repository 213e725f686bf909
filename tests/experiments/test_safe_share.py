"""The share of the oracle's gain that safe agents get: by hand, blank for the unsafe."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from experiments.safe_share import by_week, safe_share, seeds_violated, share_of_weeks


def weekly() -> pd.DataFrame:
    rows = [
        {
            "seed": seed,
            "week": week,
            "step.agent": 1.0 + 0.1 * seed if week % 2 == 0 else np.nan,
            "step.no_offer": 1.0,
            "step.oracle_observable": 1.4,
            "violated.loss": seed == 2 and week == 1,
            "violated.abuse": False,
        }
        for seed in (1, 2, 3)
        for week in (0, 1, 2)
    ]
    return pd.DataFrame(rows)


def test_the_share_is_a_ratio_of_sums_over_seeds() -> None:
    found = safe_share(np.array([1.0, 3.0]), np.array([2.0, 4.0]), np.array([False, False]))
    assert found.value == pytest.approx(4 / 6)
    assert found.lower == pytest.approx(1 / 2)
    assert found.upper == pytest.approx(3 / 4)


def test_more_than_one_unsafe_seed_in_twenty_leaves_it_blank() -> None:
    gains, best = np.ones(100), np.full(100, 2.0)
    broken = np.arange(100) < 5
    assert safe_share(gains, best, broken).value == pytest.approx(0.5)
    broken[5] = True
    assert np.isnan(safe_share(gains, best, broken).value)


def test_an_oracle_that_gains_nothing_leaves_it_blank() -> None:
    assert np.isnan(safe_share(np.ones(4), np.array([1.0, -1.0, 1.0, -0.9]), np.zeros(4, np.bool_)).value)


def test_weeks_and_seeds_are_counted_from_weekly_rows() -> None:
    assert seeds_violated(weekly()) == 1
    assert share_of_weeks(weekly(), [0, 1]).value == pytest.approx(0.6 / 1.2)
    assert np.isnan(share_of_weeks(weekly(), [1]).value)
    table = by_week(weekly())
    assert table["any"].tolist() == pytest.approx([0.0, 1 / 3, 0.0])
    assert table["violated.loss"].tolist() == pytest.approx([0.0, 1 / 3, 0.0])
    assert table["share_of_oracle"].iloc[2] == pytest.approx(0.5)
