"""Paired comparisons over seeds: by hand, and the chance of any false call in a family of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from experiments.paired_seeds import differences, holm


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_one_comparison_is_the_paired_t_test() -> None:
    pair = np.array([0.3, 0.1, 0.5, 0.2, 0.0])
    found = differences([pair])[0]
    asked = stats.ttest_1samp(pair, 0.0)
    low, high = asked.confidence_interval(0.95)
    assert (found.p, found.lower, found.upper) == pytest.approx((asked.pvalue, low, high))


def test_what_never_differs_is_the_same_and_costs_the_others_nothing() -> None:
    moved = np.array([0.3, 0.1, 0.5, 0.2, 0.0])
    alone = differences([moved])[0]
    same, beside = differences([np.zeros(5), moved])
    assert same.verdict(0.05) == "same"
    assert (beside.p_holm, beside.lower) == (alone.p_holm, alone.lower)


def test_nothing_is_called_from_one_seed_or_none() -> None:
    for found in differences([np.array([5.0]), np.array([])]):
        assert found.verdict(0.05) == "cannot tell"
        assert math.isnan(found.lower)


def test_less_is_better_where_the_metric_says_so() -> None:
    found = differences([np.array([1.0, 1.1, 0.9, 1.05])])[0]
    assert (found.verdict(0.05), found.verdict(0.05, -1)) == ("better", "worse")


def test_a_family_without_effects_is_called_in_no_more_than_a_twentieth_where_single_tests_would_be() -> None:
    """8 contenders share a reference, 6 seeds, 1,500 families: 5 % + 4.5 SE = 7.6 %; luck fails it in 1 of 1e5."""
    rng = np.random.default_rng(8)
    runs = rng.normal(size=(1_500, 9, 6)) + rng.normal(size=(1_500, 1, 6))
    called = single = covered = 0
    for family in runs[:, 1:] - runs[:, :1]:
        found = differences(list(family))
        called += any(d.p_holm <= 0.05 for d in found)
        single += any(d.p <= 0.05 for d in found)
        covered += all(d.lower <= 0 <= d.upper for d in found)
    assert called / 1_500 <= 0.076
    assert covered / 1_500 >= 1 - 0.076
    assert single / 1_500 > 0.15  # the known-wrong control: each at its own level
