"""Bootstraps and finite-sample intervals: by hand, by laws, by how often they hold, and by what they must not be."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from experiments.estimators import evaluate
from experiments.estimators._base import Estimator
from experiments.estimators._discovery import load
from experiments.estimators._inference import estimate
from experiments.intervals import RESAMPLED, by_bernstein, by_betting, by_clopper_pearson, finite_interval, resample
from experiments.intervals.bootstrap import poisson_weights
from experiments.intervals.bounded import clopper_pearson, thinned
from experiments.intervals.question import Question
from rage_env.errors import ConfigError, InputError, LogError

Floats = NDArray[np.float64]


def one(name: str) -> Estimator:
    return load([name])[name]


TERMS = {"ips": 1, "snips": 2, "dr": 2, "sndr": 3, "naive": 4}


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(sorted(TERMS)), st.integers(1, 2), st.integers(1, 2), st.integers(0, 2**32 - 1))
def test_slopes_of_what_is_asked_are_those_of_its_value(name: str, columns: int, policies: int, seed: int) -> None:
    question = Question(one(name), TERMS[name], columns, policies)
    means = np.random.default_rng(seed).uniform(0.5, 2.0, (1, TERMS[name] * columns * policies))
    step = 1e-6 * np.eye(means.shape[1])
    slopes = (question.values(means + step) - question.values(means - step)) / 2e-6
    np.testing.assert_allclose(question.gradients(means)[0], slopes, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", sorted(TERMS))
def test_the_answer_and_its_error_on_the_log_itself_are_the_estimators_own(name: str) -> None:
    rng = np.random.default_rng(1)
    sums, sizes = rng.uniform(0.5, 2.0, (300, TERMS[name])), rng.integers(1, 5, 300).astype(np.float64)
    found = resample(Question(one(name), TERMS[name]), sums, sizes, resamples=50)
    own = estimate(one(name), list(sums.T), sizes)
    assert (found.value, found.stderr) == pytest.approx((own.value, own.stderr))


def test_a_resample_is_the_log_with_users_written_out_as_often_as_they_count() -> None:
    rng = np.random.default_rng(2)
    sums, sizes = rng.uniform(0.5, 2.0, (40, 2)), rng.integers(1, 4, 40).astype(np.float64)
    times = poisson_weights(40, 3, rng)
    found = resample(Question(one("snips"), 2), sums, sizes, weights=times)
    for b in range(3):
        again = np.repeat(np.arange(40), times[b].astype(int))
        own = estimate(one("snips"), list(sums[again].T), sizes[again])
        assert (found.values[b], found.stderrs[b]) == pytest.approx((own.value, own.stderr))


def test_resampled_intervals_of_a_normal_mean_are_near_the_normal_one() -> None:
    x = np.random.default_rng(3).normal(size=(2_000, 1))
    found = resample(Question(one("ips"), 1), x, np.ones(2_000))
    for kind in RESAMPLED:
        low, high = found.interval(kind, 0.05)
        assert (low - found.value, high - found.value) == pytest.approx(
            (-1.96 * found.stderr, 1.96 * found.stderr), rel=0.2
        )


def test_skew_moves_the_studentised_and_accelerated_intervals_towards_the_long_tail() -> None:
    x = np.random.default_rng(4).lognormal(0, 1.5, (300, 1))
    found = resample(Question(one("ips"), 1), x, np.ones(300))
    plain = found.interval("percentile", 0.05)
    for kind in ("bootstrap_t", "bca"):
        low, high = found.interval(kind, 0.05)
        assert low > plain[0] - 0.02
        assert high > plain[1]


def test_studentised_intervals_hold_a_skewed_mean_more_often_than_normal_ones() -> None:
    """800 samples of 50 lognormal numbers; luck moves a share by 3.9 binomial standard errors once in 10,000."""
    rng, logs = np.random.default_rng(5), 800
    times, truth, held = poisson_weights(50, 299, rng), math.exp(0.5), np.zeros(2)
    for _ in range(logs):
        found = resample(Question(one("ips"), 1), rng.lognormal(0, 1, (50, 1)), np.ones(50), weights=times)
        low, high = found.interval("bootstrap_t", 0.05)
        held += [low <= truth <= high, abs(found.value - truth) <= 1.96 * found.stderr]
    studentised, normal = held / logs
    assert studentised > 0.95 - 0.02 - 3.9 * math.sqrt(0.95 * 0.05 / logs)
    assert normal < 0.95 - 3.9 * math.sqrt(0.95 * 0.05 / logs)


def test_the_same_seed_gives_the_same_interval_whatever_is_held_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(6).normal(size=(500, 1))
    whole = resample(Question(one("ips"), 1), x, np.ones(500), resamples=60)
    monkeypatch.setattr("experiments.intervals.bootstrap._BLOCK", 500 * 7)
    parts = resample(Question(one("ips"), 1), x, np.ones(500), resamples=60)
    np.testing.assert_allclose(whole.values, parts.values)


@pytest.mark.parametrize("interval", [by_bernstein, by_betting])
def test_finite_sample_ends_hold_where_a_normal_interval_does_not(interval: object) -> None:
    """Events of 2 % among 60 users: a log without one, three in ten, gives the normal interval no width at all."""
    rng, logs, alpha = np.random.default_rng(7), 1_000, 0.1
    x = (rng.random((logs, 60)) < 0.02).astype(np.float64)
    low, high = interval(x, 0.0, 1.0, alpha)  # type: ignore[operator]  # one of two functions
    most = alpha + 3.9 * math.sqrt(alpha * (1 - alpha) / logs)
    assert ((low > 0.02) | (high < 0.02)).mean() <= most
    half = 1.645 * x.std(axis=1, ddof=1) / math.sqrt(60)
    assert (np.abs(x.mean(axis=1) - 0.02) > half).mean() > most


def test_betting_is_tighter_than_bernstein_and_both_shrink() -> None:
    x = np.random.default_rng(8).random((1, 4_000)) < 0.1
    widths = {
        f.__name__: [np.ptp(f(x[:, :n].astype(float), 0.0, 1.0)) for n in (500, 4_000)]
        for f in (by_bernstein, by_betting)
    }
    assert widths["by_betting"][1] < widths["by_bernstein"][1] < widths["by_bernstein"][0]
    assert widths["by_betting"][1] < widths["by_betting"][0]


def test_ends_move_with_the_units_of_the_outcome() -> None:
    x = np.random.default_rng(9).random((1, 200))
    for f in (by_bernstein, by_betting):
        plain, moved = np.array(f(x, 0.0, 1.0)), np.array(f(3 * x - 1, -1.0, 2.0))
        np.testing.assert_allclose(moved, 3 * plain - 1, atol=1e-6)


def test_clopper_pearson_is_the_textbook_one() -> None:
    assert clopper_pearson(0, 20) == pytest.approx((0.0, 1 - 0.025 ** (1 / 20)))
    assert clopper_pearson(20, 20) == pytest.approx((0.025 ** (1 / 20), 1.0))
    assert clopper_pearson(4, 20) == pytest.approx((0.05733, 0.43661), abs=1e-5)  # Clopper and Pearson's own table


def test_thinned_rows_are_a_sample_of_the_target() -> None:
    rng = np.random.default_rng(10)
    n, logged, target = 200_000, np.array([0.2, 0.8]), np.array([0.7, 0.3])
    arm = (rng.random(n) < logged[1]).astype(int)
    weight = target[arm] / logged[arm]
    kept = thinned(weight, 5.0, rng)
    assert kept.mean() == pytest.approx(1 / 5, abs=3.9 * math.sqrt(0.2 * 0.8 / n))
    assert (arm[kept] == 0).mean() == pytest.approx(0.7, abs=3.9 * math.sqrt(0.7 * 0.3 / kept.sum()))
    low, high = by_clopper_pearson(arm == 0, weight, 5.0)
    assert low < 0.7 < high


def log(n: int = 500) -> tuple[pd.DataFrame, Floats]:
    rng = np.random.default_rng(11)
    arm = rng.integers(0, 2, n)
    y = (rng.random(n) < 0.3).astype(float)
    frame = pd.DataFrame({"user_id": np.arange(n), "week": 0, "arm": arm, "propensity": 0.5, "reward": y})
    return frame, np.eye(2)[np.ones(n, int)]


@pytest.mark.parametrize("kind", ["empirical_bernstein", "betting", "clopper_pearson"])
def test_a_log_gets_a_finite_sample_interval(kind: str) -> None:
    frame, target = log()
    low, high = finite_interval(frame, target, kind, most=1.0, floor=0.5)  # type: ignore[arg-type]  # parametrised
    assert 0 <= low < 0.3 < high <= 1


@pytest.mark.parametrize(
    ("changes", "options", "error", "says"),
    [
        ({}, {"kind": "bets"}, ConfigError, "interval: must be one of empirical_bernstein"),
        ({}, {"most": 0.0}, ConfigError, "need least < most"),
        ({}, {"floor": 0.9}, LogError, r"row \d+ has a weight of 2, outside the declared"),
        ({"reward": 2.0}, {}, LogError, "row 0 has a metric of 2, outside the declared"),
        ({"propensity": np.nan}, {}, LogError, "withholds its propensities"),
        ({"user_id": [0, *range(499)], "week": [1, *[0] * 499]}, {}, LogError, "users have 1 to 2 rows"),
        ({"reward": 0.5}, {"kind": "clopper_pearson"}, LogError, "needs a 0/1 metric"),
    ],
)
def test_bounds_that_do_not_hold_are_refused(
    changes: dict[str, object], options: dict[str, object], error: type[InputError], says: str
) -> None:
    frame, target = log()
    asked: dict[str, object] = {"kind": "betting", "most": 1.0, "floor": 0.5} | options
    with pytest.raises(error, match=says):
        finite_interval(frame.assign(**changes), target, **asked)  # type: ignore[arg-type]  # wrong on purpose


def weekly(users: int = 200) -> tuple[pd.DataFrame, Floats, Floats]:
    frame, _ = log(users)
    rows = pd.concat([frame, frame.assign(week=1)], ignore_index=True).assign(active=2.0)
    return rows, *(np.eye(2)[np.full(len(rows), a)] for a in (1, 0))


@pytest.mark.parametrize("interval", RESAMPLED)
@pytest.mark.parametrize("metric", ["reward", "reward/active"])
def test_evaluate_gives_resampled_intervals_for_values_ratios_and_differences(interval: str, metric: str) -> None:
    rows, one_for_all, none = weekly()
    for baseline in (None, none):
        asked = (rows, one_for_all, ["snips", "dr", "naive"], None, baseline)
        plain = evaluate(*asked, metric=metric)
        found = evaluate(*asked, metric=metric, interval=interval)
        pd.testing.assert_series_equal(plain["value"], found["value"])
        half, other = (plain["upper"] - plain["lower"]) / 2, (found["upper"] - found["lower"]) / 2
        assert ((other / half).between(0.75, 1.35)).all()
        assert not np.allclose(half, other, rtol=1e-9)


def test_resampled_users_keep_their_rows_together() -> None:
    rows, one_for_all, _ = weekly()
    once = evaluate(rows[rows["week"] == 0], one_for_all[:200], ["snips"], interval="percentile").iloc[0]
    both = evaluate(rows, one_for_all, ["snips"], interval="percentile").iloc[0]
    assert (both["lower"], both["upper"]) == pytest.approx((once["lower"], once["upper"]))


def test_an_interval_that_does_not_exist_is_answered_with_those_that_do() -> None:
    rows, one_for_all, _ = weekly()
    with pytest.raises(InputError, match="no interval is called 'bootstrap': did you mean 'bootstrap_t'"):
        evaluate(rows, one_for_all, interval="bootstrap")
