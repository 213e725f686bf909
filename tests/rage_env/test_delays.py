"""Delayed amounts become known by the law that agents are told, and by no other."""

from __future__ import annotations

import math

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import stats

from rage_env import scenario
from rage_env.delays import DelayLaw
from rage_env.outcomes import DELAYED

LAW = DelayLaw(median_days=33.0, sigma=0.783, max_days=126.0)
U = ((np.arange(1 << 18) + 0.5) / (1 << 18)).astype(np.float32)


def test_the_default_law_is_the_calibrated_one() -> None:
    share = LAW.reported_share
    assert [round(float(share[age]), 2) for age in (2, 4, 6, 8, 12)] == pytest.approx(
        [0.14, 0.44, 0.65, 0.78, 0.92], abs=0.015
    )
    assert share[0] == 0
    assert share[-1] == 1
    assert len(share) == LAW.max_weeks + 1 == 19
    for column in DELAYED:
        assert (scenario.load("fintech").delay_laws[column].reported_share == share).all()


def test_half_is_known_after_a_month_and_nothing_after_eighteen_weeks() -> None:
    weeks = LAW.weeks(U)
    assert 4 <= np.median(weeks) <= 5
    assert 10 <= np.percentile(weeks, 90) <= 12
    assert weeks.min() == 1
    assert weeks.max() == 18


def test_a_delay_is_the_lognormal_days_rounded_up_to_weeks() -> None:
    u = 0.3
    share_of_all = u * stats.norm.cdf((math.log(126) - math.log(33)) / 0.783)
    days = math.exp(math.log(33) + 0.783 * stats.norm.ppf(share_of_all))
    assert LAW.weeks(np.array([u]))[0] == math.ceil(days / 7)


def chi_square_p(weeks: np.ndarray[tuple[int], np.dtype[np.int32]], law: DelayLaw) -> float:
    expected = np.diff(law.reported_share) * len(weeks)
    return float(stats.chisquare(np.bincount(weeks, minlength=law.max_weeks + 1)[1:], expected).pvalue)


def test_drawn_delays_follow_the_share_that_agents_are_told() -> None:
    u = np.random.default_rng(4).random(50_000)
    assert chi_square_p(LAW.weeks(u), LAW) > 1e-4
    assert chi_square_p(np.maximum(LAW.weeks(u) - 1, 1), LAW) < 1e-4


def test_scaling_stretches_every_day_of_the_law() -> None:
    twice = LAW.scaled(2.0)
    assert twice.max_weeks == 36
    assert twice.reported_share[::2] == pytest.approx(LAW.reported_share)


@pytest.mark.parametrize("wrong", [{"median_days": 0.0}, {"sigma": -1.0}, {"max_days": 3.0}, {"max_days": 900.0}])
def test_a_law_under_which_nothing_is_reported_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        DelayLaw(**{"median_days": 33.0, "sigma": 0.783, "max_days": 126.0, **wrong})


def test_laws_of_the_same_numbers_are_the_same_law_once_both_were_used() -> None:
    first, second = (DelayLaw(median_days=33.0, sigma=0.8, max_days=126.0) for _ in range(2))
    assert first.reported_share is not second.reported_share
    assert len({first, second}) == 1
    assert first != DelayLaw(median_days=34.0, sigma=0.8, max_days=126.0)
