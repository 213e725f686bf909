"""Six rows of three users, small enough to work every estimator, interval and diagnostic by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import stats

from experiments import estimators

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
# match pi(a): .5 .5 1 .2 1 .1;  weight: 1 2 2 .25 2 .5 (sum 7.75);  w r: 1 6 4 0 8 2.5 (sum 21.5)
# sum_a pi q: 1.5 1.5 3 2.4 4 2.4 (sum 14.8);  r - q_a: 0 1 -1 0 0 -1;  w (r - q_a): 0 2 -2 0 0 -.5 (sum -.5)
# by default no weight here is heavy enough to be cut at 10; dros, lambda 100: 100 w / (w^2 + 100) is 100/101 200/104
# 200/104 25/100.0625 200/104 50/100.25; subgaussian, lambda 0.1: w / (.9 + .1 w) is 1 2/1.1 2/1.1 .25/.925 2/1.1 .5/.95
# w^2: 1 4 4 .0625 4 .25 (sum 13.3125); w^2 r: 1 12 8 0 16 1.25 (sum 38.25). cressie_read moves ips along the slope of
# w r on w until weights average to 1.
SLOPE = (38.25 / 6 - 7.75 / 6 * 21.5 / 6) / (13.3125 / 6 - (7.75 / 6) ** 2)
# paths: rho 1 2, 2 .5, 2 1; rho r 1 6, 4 0, 8 5 (sum 24). Week 0: rho 5, rho r 13; week 1: rho 3.5, rho r 11.
BY_HAND = {
    "naive": (0.5 + 1.5 + 2.0 + 0.0 + 4.0 + 0.5) / 3.3,
    "dm": 14.8 / 6,
    "ips": 21.5 / 6,
    "snips": 21.5 / 7.75,
    "dr": (14.8 - 0.5) / 6,
    "sndr": 14.8 / 6 - 0.5 / 7.75,
    "clipped_ips": 21.5 / 6,
    "switch_dr": (14.8 - 0.5) / 6,
    "dros": (14.8 - 50 / 100.25) / 6,
    "sg_ips": (1 + 3 * 2 / 1.1 + 2 * 2 / 1.1 + 4 * 2 / 1.1 + 5 * 0.5 / 0.95) / 6,
    "sg_dr": (14.8 - 0.5 / 0.95) / 6,
    "mips": 21.5 / 6,  # every arm a group of its own
    "cressie_read": 21.5 / 6 + (1 - 7.75 / 6) * SLOPE,
    "pdis": 24 / 6,
    "wpdis": (13 / 5 + 11 / 3.5) / 2,
}
# the same sums by user: w r 7, 4, 10.5; w 3, 2.25, 2.5; match 1, 1.2, 1.1; match r 2, 2, 4.5;
# sum_a pi q 3, 5.4, 6.4; w (r - q_a) 2, -2, -.5. An influence is 3 / 6 of what follows.
SPREAD = {
    "naive": np.array([2 - 8.5 / 3.3 * 1.0, 2 - 8.5 / 3.3 * 1.2, 4.5 - 8.5 / 3.3 * 1.1]) * 6 / 3.3,
    "dm": np.array([3 - 14.8 / 3, 5.4 - 14.8 / 3, 6.4 - 14.8 / 3]),
    "ips": np.array([7 - 21.5 / 3, 4 - 21.5 / 3, 10.5 - 21.5 / 3]),
    "snips": np.array([7 - 21.5 / 7.75 * 3, 4 - 21.5 / 7.75 * 2.25, 10.5 - 21.5 / 7.75 * 2.5]) * 6 / 7.75,
    "dr": np.array([5 - 14.3 / 3, 3.4 - 14.3 / 3, 5.9 - 14.3 / 3]),
    "sndr": np.array([3 - 14.8 / 3, 5.4 - 14.8 / 3, 6.4 - 14.8 / 3])
    + np.array([2 + 0.5 / 7.75 * 3, -2 + 0.5 / 7.75 * 2.25, -0.5 + 0.5 / 7.75 * 2.5]) * 6 / 7.75,
    "clipped_ips": np.array([7 - 21.5 / 3, 4 - 21.5 / 3, 10.5 - 21.5 / 3]),
    "switch_dr": np.array([5 - 14.3 / 3, 3.4 - 14.3 / 3, 5.9 - 14.3 / 3]),
    "dros": np.array([3 + 200 / 104, 5.4 - 200 / 104, 6.4 - 50 / 100.25]) - (14.8 - 50 / 100.25) / 3,
    "sg_ips": np.array([1 + 6 / 1.1, 4 / 1.1, 8 / 1.1 + 2.5 / 0.95]) - (1 + 18 / 1.1 + 2.5 / 0.95) / 3,
    "sg_dr": np.array([3 + 2 / 1.1, 5.4 - 2 / 1.1, 6.4 - 0.5 / 0.95]) - (14.8 - 0.5 / 0.95) / 3,
    "mips": np.array([7 - 21.5 / 3, 4 - 21.5 / 3, 10.5 - 21.5 / 3]),
    "pdis": np.array([7 - 8.0, 4 - 8.0, 13 - 8.0]),
    # a week's value is sum rho r / sum rho, so a row moves it by rho (r - value) / sum rho; three rows a week
    "wpdis": np.array(
        [
            1 * (1 - 2.6) / 5 + 2 * (3 - 22 / 7) / 3.5,
            2 * (2 - 2.6) / 5 + 0.5 * (0 - 22 / 7) / 3.5,
            2 * (4 - 2.6) / 5 + 1 * (5 - 22 / 7) / 3.5,
        ]
    )
    * 3,
}


def nearest_law() -> tuple[float, NDArray[np.float64]]:
    """Value of the law nearest to the sample, in least squares, whose weights average to 1; influence of the users."""
    _, _, _, p, r = np.array(ROWS).T
    w = TARGET[np.arange(6), [0, 1, 1, 0, 0, 1]] / p
    rules = np.stack([np.ones(6), w])
    law = 1 / 6 + np.linalg.pinv(rules) @ (np.array([1.0, 1.0]) - rules.sum(axis=1) / 6)
    error = w * r - (w * r).mean() - SLOPE * (w - w.mean())
    return float(law @ (w * r)), (6 * law * error).reshape(3, 2).sum(axis=1)


SPREAD["cressie_read"] = nearest_law()[1]


def test_cressie_read_is_the_nearest_law_with_the_right_mean_weight() -> None:
    assert BY_HAND["cressie_read"] == pytest.approx(nearest_law()[0], abs=1e-12)


def log() -> pd.DataFrame:
    return pd.DataFrame(ROWS, columns=["user_id", "week", "arm", "propensity", "reward"])


def answers(**options: object) -> pd.DataFrame:
    return estimators.evaluate(log(), TARGET, sorted(BY_HAND), q_hat=Q, **options).set_index("estimator")  # type: ignore[arg-type]  # passed through


def test_every_estimator_has_a_number_worked_by_hand() -> None:
    fitting = {"balanced_ips", "cdf_dr", "dr_sequential", "fqe", "mis", "mrdr"}  # in test_fitted_estimators.py
    assert set(BY_HAND) == set(SPREAD) == set(estimators.names()) - fitting


@pytest.mark.parametrize("name", sorted(BY_HAND))
def test_a_value_is_the_one_worked_by_hand(name: str) -> None:
    assert answers().loc[name, "value"] == pytest.approx(BY_HAND[name], abs=1e-12)


@pytest.mark.parametrize("name", sorted(SPREAD))
def test_an_interval_is_built_from_the_users_sums(name: str) -> None:
    influence = SPREAD[name] / 2
    stderr = math.sqrt(float((influence**2).sum()) / 6)
    line = answers(alpha=0.1).loc[name]
    half = stats.t.ppf(0.95, df=2) * stderr
    assert line["stderr"] == pytest.approx(stderr, abs=1e-12)
    assert (line["lower"], line["upper"]) == pytest.approx((BY_HAND[name] - half, BY_HAND[name] + half), abs=1e-12)


def test_rows_taken_for_independent_use_their_own_sums() -> None:
    weighted = np.array([1, 6, 4, 0, 8, 2.5])
    assert answers(clusters=None).loc["ips", "stderr"] == pytest.approx(weighted.std(ddof=1) / math.sqrt(6))


def test_diagnostics_are_those_of_the_users_weights() -> None:
    line = answers().loc["ips"]
    assert line["ess"] == pytest.approx(7.75**2 / (9 + 2.25**2 + 2.5**2))
    assert line["max_weight"] == 2.0
    assert line["mean_weight"] == pytest.approx(7.75 / 6)
    assert (line["n_users"], line["n_rows"]) == (3, 6)


def test_a_number_from_three_users_is_shown_but_not_trusted() -> None:
    line = answers().loc["ips"]
    assert not line["evaluable"]
    assert "effective sample size 3 is below 100" in line["reason"]


def test_a_ratio_is_the_ratio_of_two_estimates() -> None:
    frame = log().assign(active=[1.0, 2.0, 1.0, 1.0, 0.0, 4.0])  # w active: 1 4 2 .25 0 2
    line = estimators.evaluate(frame, TARGET, ["ips"], metric="reward/active").iloc[0]
    influence = np.array([7 - 21.5 / 9.25 * 5, 4 - 21.5 / 9.25 * 2.25, 10.5 - 21.5 / 9.25 * 2]) / 2 * 6 / 9.25
    assert line["value"] == pytest.approx(21.5 / 9.25)
    assert line["stderr"] == pytest.approx(math.sqrt(float((influence**2).sum()) / 6))


def test_a_difference_carries_its_joint_influence() -> None:
    line = estimators.evaluate(log(), TARGET, ["ips"], baseline_probs=np.eye(2)[[0] * 6]).iloc[0]
    weighted_other = np.array([2, 0, 0, 0, 8, 0.0])  # the baseline always takes arm 0: w = 1 / p on its rows
    influence = (np.array([7, 4, 10.5]) - np.array([2, 0, 8]) - (21.5 - 10) / 3) / 2
    assert line["value"] == pytest.approx((21.5 - weighted_other.sum()) / 6)
    assert line["stderr"] == pytest.approx(math.sqrt(float((influence**2).sum()) / 6))
