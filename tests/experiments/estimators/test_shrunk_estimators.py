"""Estimators that bend large weights: worked by hand, equal to their limits, honest about their bias."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from experiments import estimators
from experiments.estimators._base import Estimator, Rows
from experiments.estimators._discovery import load
from experiments.estimators.clipped_ips import ClippedInversePropensity
from experiments.estimators.dm import DirectMethod
from experiments.estimators.dr import DoublyRobust
from experiments.estimators.dros import DoublyRobustShrunk
from experiments.estimators.ips import InversePropensity
from experiments.estimators.sg_dr import SubgaussianDoublyRobust
from experiments.estimators.sg_ips import SubgaussianInversePropensity
from experiments.estimators.switch_dr import SwitchDoublyRobust
from rage_env.errors import ConfigError, UnknownNameError

Floats = NDArray[np.float64]
SHRUNK = ["clipped_ips", "dros", "sg_dr", "sg_ips", "switch_dr"]
seeds = st.integers(0, 2**32 - 1)

#            user week arm  p    r
ROWS = [
    (1, 0, 0, 0.50, 1.0),
    (1, 1, 1, 0.25, 3.0),
    (2, 0, 1, 0.50, 2.0),
    (2, 1, 0, 0.80, 0.0),
    (3, 0, 0, 0.50, 4.0),
    (3, 1, 1, 0.20, 5.0),
]
TARGET = np.array([[0.5, 0.5], [0.5, 0.5], [0.0, 1.0], [0.2, 0.8], [1.0, 0.0], [0.9, 0.1]])
Q = np.array([[1.0, 2.0], [1.0, 2.0], [0.0, 3.0], [0.0, 3.0], [4.0, 4.0], [2.0, 6.0]])
# w: 1 2 2 .25 2 .5;  r - q_a: 0 1 -1 0 0 -1;  sum_a pi q by user: 3 5.4 6.4
# capped at 1: 1 1 1 .25 1 .5;  kept up to 1: 1 0 0 .25 0 .5;  w / (w^2 + 1): .5 .4 .4 4/17 .4 .4;  2 w / (1 + w): 1 4/3
# 4/3 .4 4/3 2/3. What each user brings to the sum over the six rows:
BROUGHT = {
    ("clipped_ips", 1.0): [1 + 3.0, 2.0, 4 + 2.5],
    ("switch_dr", 1.0): [3.0, 5.4, 6.4 - 0.5],
    ("dros", 1.0): [3 + 0.4, 5.4 - 0.4, 6.4 - 0.4],
    ("sg_ips", 0.5): [1 + 4.0, 8 / 3, 16 / 3 + 10 / 3],
    ("sg_dr", 0.5): [3 + 4 / 3, 5.4 - 4 / 3, 6.4 - 2 / 3],
}


def six_rows() -> pd.DataFrame:
    return pd.DataFrame(ROWS, columns=["user_id", "week", "arm", "propensity", "reward"])


def heavy(seed: int, users: int = 300) -> tuple[pd.DataFrame, Floats, Floats]:
    """A log of 2 rows a user with weights up to about 30, a target, and a model of it that is half right."""
    rng = np.random.default_rng(seed)
    n = 2 * users
    target = rng.dirichlet(np.ones(3), n)
    logged = 0.9 * rng.dirichlet(np.ones(3) * 0.7, n) + 0.1 / 3
    arm = (rng.random((n, 1)) > logged.cumsum(axis=1)).sum(axis=1).clip(max=2)
    frame = pd.DataFrame({"user_id": np.repeat(np.arange(users), 2), "week": np.tile([0, 1], users), "arm": arm})
    frame["propensity"] = logged[np.arange(n), arm]
    frame["reward"] = 1.0 + arm + rng.normal(size=n)
    return frame, target, np.broadcast_to(1.0 + 0.5 * np.arange(3), (n, 3)).copy()


def rows_of(seed: int) -> Rows:
    log, target, q = heavy(seed)
    arm, propensity, reward = (log[c].to_numpy() for c in ("arm", "propensity", "reward"))
    return Rows(arm.astype(np.int64), propensity, reward, target, q)


def total(estimator: Estimator, rows: Rows) -> Floats:
    """(n,) the rows' contributions: what a value and its clustered interval are made of."""
    whole: Floats = np.stack(estimator.terms(rows)).sum(axis=0)
    return whole


@pytest.mark.parametrize(("kind", "at"), BROUGHT)
def test_a_value_and_its_interval_are_those_worked_by_hand(kind: str, at: float) -> None:
    brought = np.array(BROUGHT[kind, at])
    line = estimators.evaluate(six_rows(), TARGET, [{"kind": kind, "lambda": at}], q_hat=Q).iloc[0]
    influence = (brought - brought.mean()) / 2  # two rows a user
    assert line["estimator"] == f"{kind}(lambda={at})"
    assert line["value"] == pytest.approx(brought.sum() / 6, abs=1e-12)
    assert line["stderr"] == pytest.approx(math.sqrt(float(influence @ influence) / 6), abs=1e-12)


def test_the_sample_size_counts_bent_weights_and_the_check_of_the_log_raw_ones() -> None:
    line = estimators.evaluate(six_rows(), TARGET, [{"kind": "clipped_ips", "lambda": 1}]).iloc[0]
    assert line["ess"] == pytest.approx(4.75**2 / (2**2 + 1.25**2 + 1.5**2))
    assert line["max_weight"] == 1.0
    assert line["mean_weight"] == pytest.approx(7.75 / 6)


@settings(max_examples=15, deadline=None)
@given(seeds)
def test_bending_nothing_is_ips_or_dr_row_by_row(seed: int) -> None:
    rows = rows_of(seed)
    endless = (SwitchDoublyRobust(math.inf), DoublyRobustShrunk(math.inf), SubgaussianDoublyRobust(0.0))
    for same in endless:
        np.testing.assert_allclose(total(same, rows), total(DoublyRobust(), rows), rtol=1e-12, atol=1e-12)
    for plain in (ClippedInversePropensity(math.inf), SubgaussianInversePropensity(0.0)):
        np.testing.assert_allclose(total(plain, rows), total(InversePropensity(), rows), rtol=1e-12, atol=1e-12)


@settings(max_examples=15, deadline=None)
@given(seeds)
def test_bending_everything_leaves_the_model_alone(seed: int) -> None:
    rows = rows_of(seed)
    for nothing in (SwitchDoublyRobust(0.0), DoublyRobustShrunk(0.0)):
        np.testing.assert_array_equal(total(nothing, rows), total(DirectMethod(), rows))
    one = SubgaussianInversePropensity(1.0)
    np.testing.assert_allclose(total(one, rows), np.where(rows.weight > 0, rows.reward, 0.0), rtol=1e-12)


@settings(max_examples=10, deadline=None)
@given(seeds)
def test_limits_hold_through_the_whole_evaluation(seed: int) -> None:
    log, target, q = heavy(seed)
    pairs: dict[str, tuple[str, float]] = {"clipped_ips": ("ips", 1e9), "switch_dr": ("dr", 1e9), "sg_dr": ("dr", 0.0)}
    pairs |= {"dros": ("dr", 1e18), "sg_ips": ("ips", 0.0)}
    for kind, (limit, at) in pairs.items():
        found = estimators.evaluate(log, target, [{"kind": kind, "lambda": at}, limit], q_hat=q)
        for column in ("value", "stderr", "lower", "upper", "ess", "max_weight", "mean_weight"):
            assert found[column][0] == pytest.approx(found[column][1], rel=1e-9), (kind, column)


@settings(max_examples=15, deadline=None)
@given(seeds, st.floats(0.01, 1000), st.sampled_from(SHRUNK))
def test_a_weight_is_never_more_than_its_bound(seed: int, at: float, kind: str) -> None:
    at = at / 1001 if kind.startswith("sg_") else at
    bound = {"dros": math.sqrt(at) / 2, "sg_ips": 1 / at, "sg_dr": 1 / at}.get(kind, at)
    found = load([{"kind": kind, "lambda": at}]).popitem()[1].weights(rows_of(seed))
    assert found.min() >= 0
    assert found.max() <= bound * (1 + 1e-12)


@pytest.mark.parametrize("kind", SHRUNK)
def test_no_reward_and_no_model_is_worth_nothing_whatever_lambda_is(kind: str) -> None:
    log, target, q = heavy(1)
    specs = [{"kind": kind, "lambda": at} for at in (0.0, 0.3, 1.0)]
    found = estimators.evaluate(log.assign(reward=0.0), target, specs, q_hat=0 * q)
    assert (found["value"] == 0).all()


@pytest.mark.parametrize("kind", SHRUNK)
def test_every_line_says_that_it_is_biased_and_a_good_log_is_not_accused(kind: str) -> None:
    log, target, q = heavy(2, users=2_000)
    line = estimators.evaluate(log, target, [kind], q_hat=q).iloc[0]
    assert "biased on purpose" in line["reason"]
    assert line["evaluable"]


@pytest.mark.parametrize("kind", SHRUNK)
def test_wrong_propensities_and_deterministic_logs_are_still_noticed(kind: str) -> None:
    log, target, q = heavy(2, users=2_000)
    wrong = estimators.evaluate(log.assign(propensity=0.5 * log["propensity"]), target, [kind], q_hat=q).iloc[0]
    fixed = estimators.evaluate(log.assign(propensity=1.0), target, [kind], q_hat=q).iloc[0]
    assert not wrong["evaluable"]
    assert "weights off" in wrong["reason"]
    assert "the log is deterministic" in fixed["reason"]
    assert math.isnan(fixed["value"])


def test_less_variance_is_bought_with_bias() -> None:
    log, target, q = heavy(3, users=2_000)
    found = estimators.evaluate(log, target, ["ips", {"kind": "clipped_ips", "lambda": 2}], q_hat=q)
    assert found["stderr"][1] < 0.8 * found["stderr"][0]
    assert found["value"][1] < found["value"][0]  # rewards are mostly above 0


def test_people_who_left_bring_what_they_brought_however_low_the_cap() -> None:
    log = six_rows().assign(present=[True, True, True, False, True, True])
    log.loc[3, ["arm", "propensity", "reward"]] = [0, 1.0, -6.0]
    line = estimators.evaluate(log, TARGET, [{"kind": "clipped_ips", "lambda": 0.5}]).iloc[0]
    assert line["value"] == pytest.approx((0.5 * (1 + 3 + 2 + 4 + 5) - 6.0) / 6)


@pytest.mark.parametrize(
    ("kind", "at", "rule"),
    [
        ("clipped_ips", -1, "lambda must be 0 or more, got -1"),
        ("switch_dr", -0.1, "lambda must be 0 or more, got -0.1"),
        ("dros", -5, "lambda must be 0 or more, got -5"),
        ("sg_ips", 1.5, r"lambda must be in \[0, 1\], got 1.5"),
        ("sg_dr", -0.5, r"lambda must be in \[0, 1\], got -0.5"),
        ("dros", math.nan, "lambda must be a finite number"),
    ],
)
def test_a_lambda_outside_its_range_is_refused(kind: str, at: float, rule: str) -> None:
    with pytest.raises(ConfigError, match=f"estimator {kind}: {rule}"):
        estimators.evaluate(six_rows(), TARGET, [{"kind": kind, "lambda": at}])


def test_a_near_name_is_offered() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'switch_dr'"):
        estimators.evaluate(six_rows(), TARGET, ["switchdr"])
