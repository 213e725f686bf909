"""Rankings by predicted effect against scikit-uplift and econml, on a made-up trial and on Hillstrom's."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from experiments import reward_model
from experiments.estimators._log import numbers
from experiments.log_source import open_source
from experiments.mapping import locate, read_mapping
from experiments.uplift_metrics import uplift_metrics
from rage_env import configs
from rage_env.errors import ConfigError

Floats = NDArray[np.float64]
Trial = tuple[Floats, NDArray[np.bool_], Floats, Floats]  # score, treated, outcome, propensity

# scikit-uplift 0.5.1 calls what scikit-learn 1.8 and pandas 3.1 say they will remove
pytestmark = [
    pytest.mark.filterwarnings("ignore:Function stable_cumsum:FutureWarning"),
    pytest.mark.filterwarnings("ignore:The inplace keyword"),
]


def simulated(n: int = 6_000, seed: int = 0) -> Trial:
    """Events whose chance the arm lifts by 0 to .4, by x; the score knows x."""
    rng = np.random.default_rng(seed)
    x = rng.random(n)
    treated = rng.random(n) < 0.4
    outcome = (rng.random(n) < 0.2 + 0.4 * x * treated).astype(np.float64)
    return x, treated, outcome, np.where(treated, 0.4, 0.6)


def hillstrom() -> Trial:
    """The women's mail against none, visits, by the out-of-fold score of a ridge model."""
    table = open_source("hillstrom").table
    arm = numbers(table, "arm").astype(np.int64)
    y = numbers(table, "visit").astype(np.float64)
    folds = reward_model.folds_of(table["user_id"])
    q = reward_model.cross_fit(reward_model.features_of(table), arm, y, folds, 3)
    rows = arm != 1
    return (q[rows, 2] - q[rows, 0]).astype(np.float64), arm[rows] == 2, y[rows], np.full(rows.sum(), 0.5)


def _absent() -> bool:
    try:
        locate(read_mapping(configs.find("logs", "hillstrom")))
    except ConfigError:
        return True
    return False


needs_data = pytest.mark.skipif(_absent(), reason="the data folder (RAGE_DATA) with hillstrom.csv is absent")
TRIALS = [pytest.param(simulated, id="simulated"), pytest.param(hillstrom, id="hillstrom", marks=needs_data)]


@pytest.mark.parametrize("trial", TRIALS)
def test_the_curve_is_scikit_uplifts_qini_curve_per_treated_user(trial: object) -> None:
    from sklift.metrics import qini_curve

    assert callable(trial)
    score, treated, outcome, propensity = trial()
    coarse = np.digitize(score, np.quantile(score, np.arange(1, 20) / 20)).astype(np.float64)  # told apart by neither
    found = uplift_metrics(coarse, treated, outcome, propensity)
    people, gain = qini_curve(outcome, coarse, treated.astype(int))
    np.testing.assert_allclose(found.curve, np.column_stack([people / len(score), gain / treated.sum()]), atol=1e-12)
    area = np.trapezoid(gain / treated.sum(), people / len(score))
    assert found.auuc.value == pytest.approx(area)
    assert found.qini.value == pytest.approx(area - gain[-1] / treated.sum() / 2)


@pytest.mark.parametrize("trial", TRIALS)
def test_effects_at_the_top_and_by_tenth_are_scikit_uplifts(trial: object) -> None:
    from sklift.metrics import uplift_at_k, uplift_by_percentile

    assert callable(trial)
    score, treated, outcome, propensity = trial()
    score = score + 1e-9 * np.random.default_rng(1).random(len(score))  # no two alike, so that tenths are tenths
    found = uplift_metrics(score, treated, outcome, propensity, at=(0.1, 0.3, 0.5))
    for share, at in found.uplift_at.items():
        theirs = uplift_at_k(outcome, score, treated.astype(int), strategy="overall", k=share)
        assert at.value == pytest.approx(theirs, abs=0.002)
    tenths = uplift_by_percentile(outcome, score, treated.astype(int), strategy="overall", bins=10)["uplift"]
    np.testing.assert_allclose([b.observed.value for b in found.calibration], tenths.to_numpy(), atol=0.004)


@pytest.mark.parametrize("trial", TRIALS)
def test_the_qini_and_its_error_are_econmls(trial: object) -> None:
    from econml.validate.utils import calc_uplift

    assert callable(trial)
    score, treated, outcome, propensity = trial()
    found = uplift_metrics(score, treated, outcome, propensity).qini
    effect = np.where(treated, 1.0, -1.0) * (outcome - outcome.mean()) / propensity  # of each user, noisy but unbiased
    theirs, stderr, *_ = calc_uplift(score, score, effect, np.arange(1, 100), "qini", n_bootstrap=20)
    assert abs(found.value - theirs) < 0.5 * stderr
    assert (found.upper - found.lower) / (2 * 1.96 * stderr) == pytest.approx(1.0, abs=0.25)


@pytest.mark.filterwarnings(
    "ignore:scipy.optimize. The `disp` and `iprint`:DeprecationWarning"
)  # of older scikit-learn
def test_econmls_learner_is_ranked_as_high_as_the_truth_and_noise_is_not() -> None:
    from econml.dr import DRLearner
    from sklearn.linear_model import LinearRegression, LogisticRegression

    rng = np.random.default_rng(2)
    x, treated = rng.normal(size=(4_000, 3)), rng.random(4_000) < 0.5
    effect = 1 + x[:, 0] - 0.5 * x[:, 1]
    y = x[:, 2] + effect * treated + rng.normal(size=4_000)
    learner = DRLearner(
        model_regression=LinearRegression(),
        model_propensity=LogisticRegression(),
        model_final=LinearRegression(),
        cv=2,
        random_state=0,
    )
    half = np.arange(4_000) < 2_000
    learner.fit(y[half], treated[half].astype(int), X=x[half])
    theirs = np.asarray(learner.effect(x[~half])).ravel()
    q = reward_model.cross_fit(x, treated.astype(np.int64), y, half.astype(np.int64), 2)
    ours = (q[~half, 1] - q[~half, 0]).astype(np.float64)
    assert np.corrcoef(theirs, ours)[0, 1] > 0.95
    data = (treated[~half], y[~half], np.full(2_000, 0.5))
    best = uplift_metrics(effect[~half], *data).qini
    for score in (theirs, ours):
        assert best.lower < uplift_metrics(score, *data).qini.value < best.upper
    assert uplift_metrics(rng.random(2_000), *data).qini.value < best.lower
