"""What a user may get wrong, and whether the message says what to do."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from experiments import estimators
from experiments.estimators._evaluate import INTERVALS
from rage_env.errors import ConfigError, InputError, LogError, UnknownNameError

N, K = 300, 3
TARGET = np.full((N, K), 1 / K)


def log(**changes: object) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "user_id": np.arange(N),
            "week": 0,
            "arm": rng.integers(0, K, N),
            "propensity": 1 / K,
            "reward": rng.normal(size=N),
        }
    )
    return frame.assign(**changes)


def at(row: int, value: float, other: float) -> list[float]:
    return [value if i == row else other for i in range(N)]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"propensity": at(4, 0.0, 0.5)}, r"column propensity, row 4: must lie in \(0, 1\]; got 0.0"),
        ({"propensity": at(4, 1.5, 0.5)}, r"column propensity, row 4: must lie in \(0, 1\]; got 1.5"),
        ({"reward": at(7, np.nan, 0.5)}, r"column reward, row 7: must be finite; got nan"),
        ({"reward": at(7, -1e45, 0.5)}, r"column reward, row 7: a metric must be finite, and at most 1e\+30 in size"),
        ({"arm": [3] * N}, r"column arm, row 0: must be one of the 3 arms 0..2; got 3"),
        ({"user_id": 5}, r"user 5 has 300 rows in week 0"),
        ({"user_id": [10**12 * (i // 2) for i in range(N)]}, r"user \d+ has 2 rows in week 0"),
        ({"user_id": [f"u{i // 3}" for i in range(N)]}, r"user u\d+ has 3 rows in week 0"),
        (
            {"user_id": [i // 2 for i in range(N)], "week": [i % 2 // (1 + i % 4) for i in range(N)]},
            "has 2 rows in week 0",
        ),
        ({"x_age": at(2, np.inf, 0.5)}, r"column x_age, row 2: must be finite; got inf"),
    ],
)
def test_a_broken_log_is_refused_naming_column_row_and_rule(changes: dict[str, object], says: str) -> None:
    with pytest.raises(LogError, match=says):
        estimators.evaluate(log(**changes), TARGET)


def test_a_model_of_an_arm_that_was_never_taken_is_called_guesswork() -> None:
    arm = np.arange(N) % 2  # of three
    found = estimators.evaluate(log(arm=arm, propensity=0.5), TARGET, ["dm"]).iloc[0]
    assert "guesswork: 0.33 of the target falls on arms that the log never took" in found["reason"]
    tried = np.tile([0.5, 0.5, 0.0], (N, 1))
    assert "guesswork" not in estimators.evaluate(log(arm=arm, propensity=0.5), tried, ["dm"]).iloc[0]["reason"]
    assert "guesswork" not in estimators.evaluate(log(), TARGET, ["dm"]).iloc[0]["reason"]


@pytest.mark.parametrize("interval", INTERVALS)
def test_weights_that_no_square_can_hold_are_an_answer_and_no_crash(interval: str) -> None:
    asked = ["ips", "snips", "dr", "wpdis", "cressie_read"]
    found = estimators.evaluate(log(propensity=1e-300), TARGET, asked, interval=interval)
    assert not found["evaluable"].any()
    assert found["reason"].str.contains("too few: effective sample size 0").all()


@pytest.mark.parametrize("interval", INTERVALS)
def test_an_interval_scales_with_its_metric_up_to_the_largest(interval: str) -> None:
    plain = estimators.evaluate(log(), TARGET, ["ips", "snips"], interval=interval)
    large = log()
    found = estimators.evaluate(
        large.assign(reward=2.0**95 * large["reward"]), TARGET, ["ips", "snips"], interval=interval
    )
    for column in ("value", "lower", "upper", "stderr"):
        np.testing.assert_allclose(found[column], 2.0**95 * plain[column], rtol=1e-9)
    np.testing.assert_allclose(found["skew"], plain["skew"], rtol=1e-9)


def test_a_log_without_propensities_is_refused() -> None:
    with pytest.raises(LogError, match="lacks the columns \\['propensity'\\]"):
        estimators.evaluate(log().drop(columns="propensity"), TARGET)


@pytest.mark.parametrize("shape", [(N,), (N - 1, K), (N, K, 1), (0, K)])
def test_target_probabilities_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(LogError, match=re.escape(f"target_probs has shape {shape}, expected (300, ")):
        estimators.evaluate(log(), np.full(shape, 1.0))


@pytest.mark.parametrize("bad", [[0.5, 0.6, 0.1], [1.5, -0.5, 0.0], [np.nan, 0.5, 0.5], [np.inf, 0.0, 0.0]])
def test_target_probabilities_that_are_none_are_refused(bad: list[float]) -> None:
    target = TARGET.copy()
    target[11] = bad
    with pytest.raises(LogError, match=r"target_probs, row 11: probabilities must be >= 0 and sum to 1"):
        estimators.evaluate(log(), target)


def test_a_baseline_of_other_arms_is_refused() -> None:
    with pytest.raises(LogError, match=r"baseline_probs has shape \(300, 2\), expected \(300, 3\)"):
        estimators.evaluate(log(), TARGET, baseline_probs=np.full((N, 2), 0.5))


def test_a_reward_model_with_gaps_is_refused() -> None:
    q = np.zeros((N, K))
    q[200, 1] = np.nan
    with pytest.raises(LogError, match=r"q_hat, row 200: must be finite"):
        estimators.evaluate(log(), TARGET, q_hat=q)


def test_one_reward_model_does_not_do_for_a_ratio() -> None:
    with pytest.raises(LogError, match="needs a model of each"):
        estimators.evaluate(log(active=1.0), TARGET, q_hat=np.zeros((N, K)), metric="reward/active")


@pytest.mark.parametrize(
    ("names", "error", "says"),
    [
        (["snip"], UnknownNameError, "no estimator is called 'snip': did you mean 'snips'"),
        ([{"kind": "ips", "lambda": 3.0}], ConfigError, "estimator ips: unknown parameter 'lambda'"),
        ([{"name": "ips"}], ConfigError, "lacks 'kind'"),
        (["ips", "ips"], ConfigError, "the same one twice"),
        ([], ConfigError, "the list is empty"),
        ("ips", ConfigError, "expected a list"),
    ],
)
def test_estimators_that_do_not_exist_are_refused(names: list[str], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        estimators.evaluate(log(), TARGET, names)


def test_a_misspelt_metric_is_answered_with_the_nearest_column() -> None:
    with pytest.raises(LogError, match="no column 'revard': did you mean 'reward'"):
        estimators.evaluate(log(), TARGET, metric="revard")
    with pytest.raises(LogError, match="write a column, or two"):
        estimators.evaluate(log(), TARGET, metric="a/b/c")
    with pytest.raises(LogError, match="no column 'acount'"):
        estimators.evaluate(log(), TARGET, clusters="acount")
    with pytest.raises(LogError, match="a metric must hold numbers"):
        estimators.evaluate(log(name="x"), TARGET, metric="name")


def test_a_level_outside_0_and_1_is_refused() -> None:
    with pytest.raises(InputError, match="alpha must lie in"):
        estimators.evaluate(log(), TARGET, alpha=5)


def test_something_that_is_no_log_is_refused() -> None:
    with pytest.raises(LogError, match="expected a CohortLog, a pandas DataFrame or a pyarrow Table, got list"):
        estimators.evaluate([1, 2, 3], TARGET)


def test_a_frame_and_a_table_answer_alike() -> None:
    frame = estimators.evaluate(log(), TARGET)
    pd.testing.assert_frame_equal(frame, estimators.evaluate(pa.Table.from_pandas(log()), TARGET))


def test_a_deterministic_log_is_refused_by_weights_and_answered_by_the_model_with_a_warning() -> None:
    found = estimators.evaluate(log(propensity=1.0, arm=np.arange(N) % 2), TARGET).set_index("estimator")
    for name in ("ips", "snips", "dr", "sndr"):
        assert np.isnan(found.loc[name, "value"])
        assert not found.loc[name, "evaluable"]
        assert "the log is deterministic" in found.loc[name, "reason"]
    assert np.isfinite(found.loc["dm", "value"])
    assert found.loc["dm", "evaluable"]
    assert "guesswork" in found.loc["dm", "reason"]


def test_a_target_that_the_log_never_tries_is_shown_but_not_trusted() -> None:
    rng = np.random.default_rng(1)
    found = estimators.evaluate(log(propensity=0.5, arm=rng.integers(0, 2, N)), TARGET, ["ips", "snips", "dr"])
    assert not found["evaluable"].any()
    assert found["value"].notna().all()
    assert found["reason"].str.contains("weights off").all()


def test_propensities_that_are_wrong_are_noticed_and_right_ones_are_not_accused() -> None:
    right = estimators.evaluate(log(), TARGET, ["snips"]).iloc[0]
    wrong = estimators.evaluate(log(propensity=0.25), TARGET, ["snips"]).iloc[0]
    assert right["evaluable"]
    assert not wrong["evaluable"]


def test_a_ratio_over_nothing_does_not_exist() -> None:
    line = estimators.evaluate(log(active=0.0), TARGET, ["ips"], metric="reward/active").iloc[0]
    assert np.isnan(line["value"])
    assert "denominator is 0" in line["reason"]


def test_an_event_that_never_happened_is_not_reported_as_surely_impossible() -> None:
    line = estimators.evaluate(log(loss=0.0), TARGET, ["snips"], metric="loss").iloc[0]
    assert "no variation" in line["reason"]


def test_a_skewed_estimate_says_how_many_users_it_asks_for() -> None:
    line = estimators.evaluate(log(reward=at(0, 1000.0, 0.0)), TARGET, ["ips"]).iloc[0]
    assert re.search(r"skewed: skewness 1\d\.\d asks for [\d,]+ users", line["reason"])


def test_a_capped_column_counts_within_its_cap_and_a_cap_that_is_none_is_no_column() -> None:
    long_tail = log(reward=at(0, 1000.0, 1.0))
    capped = estimators.evaluate(long_tail, TARGET, ["snips"], metric="capped(reward, 5)").iloc[0]
    plain = estimators.evaluate(log(reward=at(0, 5.0, 1.0)), TARGET, ["snips"]).iloc[0]
    assert (capped["value"], capped["stderr"]) == (plain["value"], plain["stderr"])
    below = estimators.evaluate(log(reward=-9.0), TARGET, ["snips"], metric="capped(reward,2)").iloc[0]
    assert below["value"] == pytest.approx(-2.0)
    for wrong in ("capped(reward)", "capped(reward, -5)", "capped(revard, 5)"):
        with pytest.raises(LogError, match="has no column"):
            estimators.evaluate(long_tail, TARGET, ["snips"], metric=wrong)
