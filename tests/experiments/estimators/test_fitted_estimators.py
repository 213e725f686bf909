"""Estimators that fit something first: their formulas by hand on six rows, and what they fit on logs made for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from experiments import estimators, reward_model
from experiments.estimators._balance import Balance
from experiments.estimators._base import Floats, Rows
from experiments.estimators._discovery import Spec, load
from experiments.estimators._distribution import Distribution
from experiments.estimators._inference import estimate
from experiments.estimators._logged_probs import LoggedProbs
from experiments.estimators._model_for_variance import ModelForVariance
from experiments.estimators._paths import PathWeights
from experiments.estimators._recipe import Recipe, Whole
from experiments.estimators._state_ratios import StateRatios
from experiments.estimators._to_go import ToGo
from rage_env.errors import ConfigError, UnknownNameError

# the six rows of test_estimators_by_hand.py: w 1 2 2 .25 2 .5, r 1 3 2 0 4 5, rho_{t-1} 1 1 1 2 1 2, rho_t 1 2 2 .5 2 1
ARM = np.array([0, 1, 1, 0, 0, 1])
PROPENSITY = np.array([0.5, 0.25, 0.5, 0.8, 0.5, 0.2])
REWARD = np.array([1.0, 3.0, 2.0, 0.0, 4.0, 5.0])
TARGET = np.array([[0.5, 0.5], [0.5, 0.5], [0.0, 1.0], [0.2, 0.8], [1.0, 0.0], [0.9, 0.1]])
Q = np.array([[1.0, 2.0], [1.0, 2.0], [0.0, 3.0], [0.0, 3.0], [4.0, 4.0], [2.0, 6.0]])
GROUPED: Spec = {"kind": "mips", "groups": [7, 7]}


def whole(**changes: object) -> Whole:
    held: dict[str, object] = {
        "arm": ARM,
        "propensity": PROPENSITY,
        "reward": REWARD,
        "target": TARGET,
        "present": None,
        "user": np.array([0, 0, 1, 1, 2, 2]),
        "logged": None,
        "read_features": lambda: np.empty((6, 0)),
        "read_folds": lambda: np.array([0, 0, 1, 1, 1, 1]),
        "read_week": lambda: np.array([0, 1, 0, 1, 0, 1]),
    }
    return Whole(**{**held, **changes})  # type: ignore[arg-type]  # one field a key


def by_hand(spec: Spec, prepared: dict[Recipe, Floats]) -> float:
    estimator = load([spec]).popitem()[1]
    rows = Rows(ARM, PROPENSITY, REWARD, TARGET, prepared=prepared)
    return estimate(estimator, list(estimator.terms(rows)), np.ones(6)).value


PATHS = np.array([[1, 1], [1, 2], [1, 2], [2, 0.5], [1, 2], [2, 1]], dtype=np.float64)
TO_GO = np.array([[3, 2, 1], [2, 2, 0], [4, 5, 1], [1, 0, 0], [6, 6, 1], [4, 3, 0]], dtype=np.float64)  # Q V first


@pytest.mark.parametrize(
    ("spec", "prepared", "value"),
    [
        # sum_a pi q is 14.8, sum w (r - q_a) -.5, as for dr
        ("mrdr", {ModelForVariance(): Q}, (14.8 - 0.5) / 6),
        ("balanced_ips", {Balance(): np.array([1, 2, 2, 0.25, 2, 0.5])}, 21.5 / 7.75),
        # both arms are one group, so every weight is 1
        (GROUPED, {LoggedProbs(): np.column_stack([1 - PROPENSITY, PROPENSITY])}, 15 / 6),
        # first rows' V: 2 + 5 + 6
        ("fqe", {ToGo(): TO_GO}, 13 / 6),
        # rho_{t-1} V: 2 2 5 0 6 6; rho_t (r - Q): -2 2 -4 -.5 -4 1
        ("dr_sequential", {ToGo(): TO_GO, PathWeights(): PATHS}, (21 - 7.5) / 6),
        # d w r with d 1 2 1 .5 1 1: 1 12 4 0 8 2.5
        ("mis", {StateRatios(): np.array([1, 2, 1, 0.5, 1, 1.0])}, 27.5 / 6),
        ("cdf_dr", {Distribution(0.5): REWARD}, 15 / 6),
    ],
)
def test_a_formula_gives_the_number_worked_by_hand(spec: Spec, prepared: dict[Recipe, Floats], value: float) -> None:
    assert by_hand(spec, prepared) == pytest.approx(value, abs=1e-12)


def test_every_estimator_that_fits_is_worked_here() -> None:
    fitting = {name for name, e in load(estimators.names()).items() if e.asks}
    assert fitting - {"pdis", "wpdis"} == {"mrdr", "balanced_ips", "fqe", "dr_sequential", "mis", "cdf_dr"}


def test_path_weights_are_products_in_order_of_time() -> None:
    order = np.array([3, 0, 5, 1, 4, 2])
    log = whole()
    np.testing.assert_allclose(PathWeights().work(log), PATHS)
    week = log.read_week()[order]
    shuffled = {name: getattr(log, name)[order] for name in ("arm", "propensity", "reward", "target", "user")}
    np.testing.assert_allclose(PathWeights().work(whole(**shuffled, read_week=lambda: week)), PATHS[order])


def test_the_to_go_model_without_features_is_the_weighted_mean_of_the_other_folds() -> None:
    """User 1 is judged by users 2 and 3: with a ridge of 10 rows an arm's line stays near the pooled mean."""
    found = ToGo().work(whole())
    pooled = (0 + 5) / 2  # rewards of the last week; arm 0 took 0, arm 1 took 5
    last = np.array([pooled + (0 - pooled) / 11, pooled + (5 - pooled) / 11])
    assert found[1, :2] == pytest.approx([last[1], TARGET[1] @ last])
    worth = np.array([2 + TARGET[3] @ last, 4 + TARGET[5] @ last])  # first week of users 2 and 3, arms 1 and 0
    first = worth.mean() + (worth[::-1] - worth.mean()) / 11
    assert found[0, :2] == pytest.approx([first[0], TARGET[0] @ first])
    assert found[:, 2].tolist() == [1, 0, 1, 0, 1, 0]


def test_state_ratios_without_features_say_that_all_states_are_alike() -> None:
    np.testing.assert_allclose(StateRatios().work(whole()), np.ones(6))


def test_the_model_for_variance_weighs_rows_by_squared_weights_and_leaves_out_certain_ones() -> None:
    log = whole(propensity=np.array([0.5, 0.25, 0.5, 0.8, 0.5, 1.0]))
    q = ModelForVariance().work(log)
    heavy = np.array([2**2 * 0.5, 0.25**2 * 0.2, 2**2 * 0.5, 0.0])  # of users 2 and 3, who judge user 1
    scaled, reward = heavy * 4 / heavy.sum(), np.array([2.0, 0.0, 4.0, 5.0])
    pooled = scaled @ reward / 4
    arm_0 = pooled + (scaled * (reward - pooled))[[1, 2]].sum() / (scaled[[1, 2]].sum() + reward_model.RIDGE)
    assert q[0, 0] == pytest.approx(arm_0)
    assert q[0, 1] == pytest.approx(pooled + scaled[0] * (2 - pooled) / (scaled[0] + reward_model.RIDGE))


def drawn(seed: int, users: int = 2_000, weeks: int = 1) -> tuple[pd.DataFrame, Floats, Floats, Floats]:
    """Users whom x makes likelier to get arm 2 and worth more; with the chances (n, k), a target, and the truth."""
    rng = np.random.default_rng(seed)
    n = users * weeks
    x = rng.normal(size=n)
    logits = np.column_stack([np.zeros(n), 0.3 - 0.5 * x, 0.8 * x])
    logged = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    arm = (rng.random((n, 1)) > logged.cumsum(axis=1)).sum(axis=1).clip(max=2)
    mean = np.column_stack([x, 0.3 + x, 1.0 + 2 * x])
    log = pd.DataFrame({"user_id": np.repeat(np.arange(users), weeks), "week": np.tile(np.arange(weeks), users)})
    log = log.assign(arm=arm, propensity=logged[np.arange(n), arm], x_one=x)
    log["reward"] = mean[np.arange(n), arm] + rng.normal(size=n)
    target = np.where(x[:, None] > 0, [0.1, 0.2, 0.7], [0.6, 0.4, 0.0])
    return log, logged, target, (target * mean).sum(axis=1)


def errors_in_stderr(names: Sequence[Spec], logs: int = 60, users: int = 2_000, blind: bool = False) -> Floats:
    """(names,) mean error over logs in standard errors of that mean.

    blind: with neither propensities nor features, of arm 2 for all, whose takers are worth more anyhow.
    """
    off = []
    for seed in range(logs):
        log, _, target, truth = drawn(seed, users)
        if blind:
            truth, target = 1 + 2 * log["x_one"].to_numpy(), np.tile([0.0, 0.0, 1.0], (users, 1))
            log = log.assign(propensity=1 / 3).drop(columns="x_one")
        off.append(estimators.evaluate(log, target, names)["value"].to_numpy() - truth.mean())
    errors = np.array(off)
    mean: Floats = errors.mean(axis=0) / (errors.std(axis=0, ddof=1) / np.sqrt(logs))
    return mean


def test_fitted_estimators_are_right_on_average_and_blind_ones_are_caught() -> None:
    """Means over 60 logs within four of their standard errors: luck fails one of three in about 1 of 5,000 runs of
    fresh seeds; these are fixed. The Hajek form of balanced_ips has a bias of order 1 / users, far below."""
    names = ["mrdr", "balanced_ips", "cressie_read"]
    assert np.abs(errors_in_stderr(names)).max() < 4
    assert np.abs(errors_in_stderr(names, logs=10, users=5_000, blind=True)).min() > 4


def test_balancing_weights_balance_what_is_observed_and_come_near_the_exact_ones() -> None:
    log, _, target, _ = drawn(0, users=8_000)
    x = log[["x_one"]].to_numpy()
    held = Whole(
        log["arm"].to_numpy(), log["propensity"].to_numpy(), log["reward"].to_numpy(), target, None,
        np.arange(8_000), None, lambda: x, lambda: np.arange(8_000) % 2, lambda: np.zeros(8_000, np.int64),
    )  # fmt: skip
    fitted = Balance().work(held)
    exact = target[np.arange(8_000), held.arm] / held.propensity
    assert np.corrcoef(fitted, exact)[0, 1] > 0.9
    for arm in range(3):
        taken = held.arm == arm
        wanted = float((target[:, arm] * x[:, 0]).mean())
        assert float((fitted * x[:, 0] * taken).mean()) == pytest.approx(wanted, abs=0.03)
        assert float((taken * x[:, 0]).mean()) != pytest.approx(wanted, abs=0.03)


def test_a_target_of_another_kind_is_followed_through_the_offset() -> None:
    """All by one threshold of x: no logistic line could say that, but the known target is an offset."""
    log, _, _, _ = drawn(1, users=8_000)
    greedy = np.eye(3)[np.where(log["x_one"] > 0, 2, 0)]
    found = estimators.evaluate(log, greedy, ["balanced_ips", "ips"]).set_index("estimator")
    x = log["x_one"].to_numpy()
    truth = np.where(x > 0, 1 + 2 * x, x).mean()
    assert found.loc["balanced_ips", "value"] == pytest.approx(truth, abs=4 * found.loc["balanced_ips", "stderr"])
    assert "fitted weights" in found.loc["balanced_ips", "reason"]


def test_groups_of_like_arms_make_weights_lighter_and_of_unlike_ones_are_wrong() -> None:
    """Arms 1 and 2 here bring the same; arm 0 less. Merging 1 and 2 keeps the truth, merging 0 and 1 does not."""
    rng = np.random.default_rng(5)
    n = 20_000
    logged = np.tile([0.5, 0.45, 0.05], (n, 1))
    arm = (rng.random((n, 1)) > logged.cumsum(axis=1)).sum(axis=1)
    log = pd.DataFrame({"user_id": np.arange(n), "week": 0, "arm": arm, "propensity": logged[np.arange(n), arm]})
    log["reward"] = (arm > 0) + rng.normal(size=n)
    log = log.assign(**{f"prob_{a}": logged[:, a] for a in range(3)})
    target = np.tile([0.0, 0.3, 0.7], (n, 1))
    alike, unlike = ({"kind": "mips", "groups": g} for g in ([0, 1, 1], [0, 0, 1]))
    found = estimators.evaluate(log, target, ["ips", alike, unlike])
    assert found["stderr"][1] < 0.5 * found["stderr"][0]
    assert abs(found["value"][1] - 1) < 4 * found["stderr"][1]
    assert abs(found["value"][2] - 1) > 3 * found["stderr"][2]  # .84
    assert "grouped" in found["reason"][1]


def test_a_log_without_every_arms_chance_cannot_be_grouped_and_says_so() -> None:
    log, _, target, _ = drawn(0, users=300)
    line = estimators.evaluate(log, target, [{"kind": "mips", "groups": [0, 1, 1]}]).iloc[0]
    assert line["reason"].startswith("refused: estimator mips: groups of arms need the probability of every arm")
    assert not line["evaluable"]


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"kind": "mips", "groups": 3}, "groups must be a list of whole numbers"),
        ({"kind": "mips", "groups": [0, 0.5, 1]}, "groups must be a list of whole numbers"),
        ({"kind": "mips", "groups": [0, 1]}, "2 groups given for 3 arms"),
        ({"kind": "cdf_dr", "quantile": 1.5}, "quantile must lie between 0 and 1, got 1.5"),
        ({"kind": "cdf_dr", "cvar": 0}, "cvar must lie between 0 and 1, got 0"),
        ({"kind": "cdf_dr", "quantile": 0.5, "cvar": 0.1}, "give quantile or cvar, not both"),
    ],
)
def test_parameters_that_mean_nothing_are_refused(spec: Spec, says: str) -> None:
    log, logged, target, _ = drawn(0, users=300)
    log = log.assign(**{f"prob_{a}": logged[:, a] for a in range(3)})
    with pytest.raises(ConfigError, match=says):
        estimators.evaluate(log, target, [spec])


def of_the_target(level: float, draws: int = 400_000) -> tuple[float, float]:
    """Quantile and mean of the lowest `level` of rewards under the target of `drawn`, by brute force."""
    rng = np.random.default_rng(99)
    x = rng.normal(size=draws)
    target = np.where(x[:, None] > 0, [0.1, 0.2, 0.7], [0.6, 0.4, 0.0])
    arm = (rng.random((draws, 1)) > target.cumsum(axis=1)).sum(axis=1).clip(max=2)
    mean = np.column_stack([x, 0.3 + x, 1.0 + 2 * x])[np.arange(draws), arm]
    reward = np.sort(mean + rng.normal(size=draws))
    return float(np.quantile(reward, level)), float(reward[: int(level * draws)].mean())


def covered(spec: Spec, truth: float, logs: int = 120) -> tuple[float, float]:
    """Share of intervals that hold the truth, and mean error in standard errors of that mean."""
    found = pd.concat([estimators.evaluate(drawn(s)[0], drawn(s)[2], [spec]) for s in range(1_000, 1_000 + logs)])
    off: NDArray[np.float64] = found["value"].to_numpy() - truth
    held = (found["lower"] <= truth) & (truth <= found["upper"])
    return float(held.mean()), float(off.mean() / (off.std(ddof=1) / np.sqrt(logs)))


def test_quantiles_and_tails_hold_the_truth_as_often_as_promised_and_plain_ones_do_not() -> None:
    """120 logs: a method of true coverage 95 % falls below 87 % in about 3 of 10,000 sets of logs; these are fixed."""
    median, tail = of_the_target(0.5)[0], of_the_target(0.1)[1]
    for spec, truth in (({"kind": "cdf_dr"}, median), ({"kind": "cdf_dr", "cvar": 0.1}, tail)):
        share, off = covered(spec, truth)
        assert share > 0.87, (spec, share)
        assert abs(off) < 5, (spec, off)
    naive = [float(np.median(drawn(s)[0]["reward"])) for s in range(1_000, 1_020)]
    assert abs(np.mean(naive) - median) > 4 * np.std(naive, ddof=1) / np.sqrt(20)


def test_a_distribution_of_one_value_is_that_value_and_has_no_ratio() -> None:
    log, _, target, _ = drawn(0, users=300)
    flat = estimators.evaluate(log.assign(reward=3.0), target, [{"kind": "cdf_dr", "quantile": 0.9}]).iloc[0]
    assert flat["value"] == 3.0
    assert "no variation" in flat["reason"]
    ratio = estimators.evaluate(log.assign(active=1.0), target, ["cdf_dr"], metric="reward/active").iloc[0]
    assert "a ratio of totals has no distribution" in ratio["reason"]


def test_trees_see_what_lines_do_not_and_are_cross_fitted_like_them() -> None:
    """A reward that bends: the model alone is far off by lines and near by trees; dr is right with either."""
    log, _, _, _ = drawn(3, users=6_000)
    x = log["x_one"].to_numpy()
    log["reward"] = np.where(log["arm"] == 2, np.abs(x), 0.0) + 0.1 * np.random.default_rng(0).normal(size=6_000)
    only_high = np.where((np.abs(x) > 1)[:, None], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0])
    truth = float(np.where(np.abs(x) > 1, np.abs(x), 0.0).mean())
    lines, trees = (
        estimators.evaluate(log, only_high, ["dm", "dr"], model=kind).set_index("estimator")
        for kind in get_args(reward_model.Kind)
    )
    assert abs(lines.loc["dm", "value"] - truth) > 5 * abs(trees.loc["dm", "value"] - truth)
    assert trees.loc["dr", "stderr"] < lines.loc["dr", "stderr"]
    assert abs(trees.loc["dr", "value"] - truth) < 4 * trees.loc["dr", "stderr"]
    assert trees.loc["dr", "reward_model"] == "trees on 1 features, cross-fitted"
    with pytest.raises(UnknownNameError, match="no reward model is called 'tree': did you mean 'trees'"):
        estimators.evaluate(log, only_high, ["dm"], model="tree")  # type: ignore[arg-type]
