"""A log may choose how far weights are bent: the rules worked by hand, and what they are worth on logs made for it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from experiments import estimators
from experiments.estimators import _tuning
from experiments.estimators._discovery import load
from experiments.estimators._inference import Estimate
from experiments.estimators._tuning import Tuned, mse, slope
from rage_env.errors import ConfigError

Floats = NDArray[np.float64]
KINDS = ["clipped_ips", "dros", "sg_dr", "sg_ips", "switch_dr"]
TRUTH = 0.2 * 1.0 + 0.8 * 1.5
COLUMNS = ["value", "lower", "upper", "stderr", "ess", "max_weight", "mean_weight", "skew"]


def told(*pairs: tuple[float, float]) -> list[Estimate]:
    """Estimates of these values and standard errors."""
    return [Estimate(value, np.array([stderr, -stderr])) for value, stderr in pairs]


def made(rng: np.random.Generator, model_off: float = 0.0, users: int = 300) -> tuple[pd.DataFrame, Floats, Floats]:
    """Two rows a user; where x is 1 the log seldom takes arm 1, so its weight is 40. The model is off by a constant."""
    n = 2 * users
    x = rng.integers(0, 2, n)
    seldom = np.where(x == 1, 0.02, 0.5)
    arm = (rng.random(n) < seldom).astype(np.int64)
    mean = np.column_stack([np.ones(n), 1.0 + x])
    log = pd.DataFrame({"user_id": np.repeat(np.arange(users), 2), "week": np.tile([0, 1], users), "arm": arm})
    log["propensity"] = np.where(arm == 1, seldom, 1 - seldom)
    log["reward"] = mean[np.arange(n), arm] + rng.normal(size=n)
    return log, np.tile([0.2, 0.8], (n, 1)), mean + model_off


def test_slope_stops_before_the_first_interval_that_meets_not_all_others() -> None:
    assert slope(told((10, 2), (8, 1), (5, 0.4), (8, 0.1))) == 1  # [6, 14] [6, 10] [4.2, 5.8]
    assert slope(told((10, 2), (8, 1), (5.3, 0.4))) == 2  # [4.5, 6.1]
    assert slope(told((10, 2), (3, 1))) == 0
    assert slope(told((10, math.nan), (3, 1))) == 0


def test_mse_takes_the_least_sum_of_variance_and_squared_distance_from_the_unbent() -> None:
    assert mse(told((10, 2), (8.5, 1), (6, 0.1))) == 1  # 4, 1 + 2.25, .01 + 16
    assert mse(told((10, 2), (8.5, 1), (9.9, 0.1))) == 2
    assert mse(told((10, math.nan), (8, math.nan))) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_candidates_start_unbent_and_bend_ever_more(kind: str) -> None:
    tuned = load([{"kind": kind, "lambda": "mse"}])[f"{kind}(lambda=mse)"]
    assert isinstance(tuned, Tuned)
    log, target, q = made(np.random.default_rng(0))
    specs = [{"kind": kind, "lambda": at if math.isfinite(at) else 1e18} for at in tuned.candidates]
    found = estimators.evaluate(log, target, [*specs, "dr" if "dr" in kind else "ips"], q_hat=q)
    assert found["value"].iloc[0] == pytest.approx(found["value"].iloc[-1])
    assert found["max_weight"].iloc[:-1].is_monotonic_decreasing


@pytest.mark.parametrize("rule", ["slope", "mse"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_tuned_line_is_that_of_the_lambda_it_names(kind: str, rule: str) -> None:
    log, target, q = made(np.random.default_rng(1), model_off=0.5)
    line = estimators.evaluate(log, target, ["dm", {"kind": kind, "lambda": rule}, "dr"], q_hat=q).iloc[1]
    at = re.search(rf"tuned: lambda = (\S+) by {rule}", line["reason"])
    assert at is not None
    fixed = min(float(at[1]), 1e18)
    same = estimators.evaluate(log, target, [{"kind": kind, "lambda": fixed}], q_hat=q).iloc[0]
    assert line["estimator"] == f"{kind}(lambda={rule})"
    assert "biased on purpose" in line["reason"]
    np.testing.assert_allclose(line[COLUMNS].to_numpy(float), same[COLUMNS].to_numpy(float), rtol=1e-4)


@pytest.mark.parametrize("rule", ["slope", "mse"])
def test_the_unit_of_the_reward_does_not_change_the_choice(rule: str) -> None:
    log, target, q = made(np.random.default_rng(2), model_off=0.5)
    spec = [{"kind": "dros", "lambda": rule}]
    dollars = estimators.evaluate(log, target, spec, q_hat=q).iloc[0]
    cents = estimators.evaluate(log.assign(reward=100 * log["reward"]), target, spec, q_hat=100 * q).iloc[0]
    assert cents["value"] == pytest.approx(100 * dollars["value"])
    assert cents["reason"] == dollars["reason"]


def test_ratios_and_differences_are_tuned_for_themselves() -> None:
    log, target, q = made(np.random.default_rng(3))
    both = {"reward": q, "active": np.ones_like(q)}
    spec = [{"kind": "dros", "lambda": "slope"}]
    ratio = estimators.evaluate(log.assign(active=1.0), target, spec, q_hat=both, metric="reward/active").iloc[0]
    alike = estimators.evaluate(log, target, spec, q_hat=q, baseline_probs=target).iloc[0]
    assert ratio["value"] == pytest.approx(TRUTH, abs=0.2)
    assert alike["value"] == 0


def mean_squared_errors(model_off: float, logs: int = 120) -> tuple[Floats, dict[str, float]]:
    """Of every fixed lambda of dros, and of its two rules."""
    tuned = load([{"kind": "dros", "lambda": "mse"}]).popitem()[1]
    assert isinstance(tuned, Tuned)
    grid = [at if math.isfinite(at) else 1e18 for at in tuned.candidates]
    specs = [{"kind": "dros", "lambda": at} for at in (*grid, "slope", "mse")]
    rng = np.random.default_rng(4)
    values = []
    for _ in range(logs):
        log, target, q = made(rng, model_off)
        values.append(estimators.evaluate(log, target, specs, q_hat=q)["value"].to_numpy())
    errors: Floats = ((np.array(values) - TRUTH) ** 2).mean(axis=0)
    return errors[:-2], {"slope": float(errors[-2]), "mse": float(errors[-1])}


def test_a_tuned_lambda_is_far_from_the_worst_whether_the_model_is_good_or_bad() -> None:
    """One set of logs with a fixed seed for each model; a lambda fixed at either end fails one of the two."""
    for model_off in (0.0, 1.0):
        fixed, tuned = mean_squared_errors(model_off)
        for rule, error in tuned.items():
            assert fixed.min() <= error < 0.6 * fixed.max(), (model_off, rule)
        blind = fixed[0] if model_off == 0 else fixed[-1]
        assert not blind < 0.6 * fixed.max()


@pytest.mark.parametrize("blind", [lambda _: 0, lambda found: len(found) - 1])
def test_a_rule_that_does_not_look_at_the_log_is_caught(
    blind: Callable[[Sequence[Estimate]], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_tuning, "RULES", {"slope": blind, "mse": blind})
    errors = [(fixed.max(), tuned["mse"]) for fixed, tuned in map(mean_squared_errors, (0.0, 1.0), (60, 60))]
    assert not all(error < 0.6 * worst for worst, error in errors)


def test_a_rule_that_does_not_exist_is_refused() -> None:
    log, target, _ = made(np.random.default_rng(5))
    with pytest.raises(ConfigError, match="lambda must be a number or one of slope, mse, got 'slop': did you mean 's"):
        estimators.evaluate(log, target, [{"kind": "dros", "lambda": "slop"}])
    with pytest.raises(ConfigError, match="estimator ips: unknown parameter 'lambda'"):
        estimators.evaluate(log, target, [{"kind": "ips", "lambda": "slope"}])
    with pytest.raises(ConfigError, match="estimator dros: unknown parameter 'gamma'"):
        estimators.evaluate(log, target, [{"kind": "dros", "lambda": "slope", "gamma": 1}])
