from __future__ import annotations

import numpy as np
import pytest

from agents.uplift import Trial, fit_effects
from agents.uplift.trial import fold_of
from rage_env.errors import LogError


def _confounded(rows: int, seed: int) -> Trial:
    """Users with a low first feature, who do badly anyway, are treated more; the effect is 1 + x1."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 3)).astype(np.float32)
    p = 1 / (1 + np.exp(1.5 * x[:, 0]))
    arm = (rng.random(rows) < p).astype(np.int64)
    outcome = 3.0 * x[:, 0] + arm * (1.0 + x[:, 1]) + rng.normal(size=rows)
    return Trial(x, arm, outcome, np.where(arm == 1, p, 1 - p), np.arange(rows) // 2)


def test_the_effect_is_found_where_the_plain_difference_has_the_wrong_sign() -> None:
    trial = _confounded(12_000, 0)
    effects = fit_effects(trial, 2)
    naive = trial.outcome[trial.arm == 1].mean() - trial.outcome[trial.arm == 0].mean()
    assert naive < -0.5
    assert abs(effects.average[0] - 1.0) < 4.0 * effects.stderr[0]
    assert abs(naive - 1.0) > 4.0 * effects.stderr[0]
    predicted = effects.predict(trial.features)[:, 0]
    assert np.corrcoef(predicted, trial.features[:, 1])[0, 1] > 0.8
    assert effects.slope[0] > 0.5


def test_a_second_arm_nobody_was_given_has_no_effect_and_endless_doubt() -> None:
    effects = fit_effects(_confounded(2_000, 1), 3)
    assert effects.average[1] == 0
    assert np.isinf(effects.stderr[1])
    assert (effects.predict(np.zeros((5, 3), np.float32), prior_sd=1.0)[:, 1] == 0).all()


def test_noise_alone_is_given_no_spread() -> None:
    rng = np.random.default_rng(2)
    rows = 4_000
    arm = rng.integers(2, size=rows)
    trial = Trial(
        rng.normal(size=(rows, 4)).astype(np.float32), arm, rng.normal(size=rows), np.full(rows, 0.5), np.arange(rows)
    )
    effects = fit_effects(trial, 2)
    assert effects.predict(trial.features).std() < 0.06
    assert abs(effects.average[0]) < 4.0 * effects.stderr[0]


def test_what_is_already_believed_is_not_learned_again() -> None:
    trial = _confounded(8_000, 3)
    believed = (1.0 + trial.features[:, 1:2]).astype(np.float64)
    effects = fit_effects(trial, 2, offset=believed)
    assert abs(effects.average[0]) < 4.0 * effects.stderr[0]
    assert effects.predict(trial.features).std() < 0.25


def test_a_user_never_changes_fold() -> None:
    users = np.arange(10_000)
    folds = fold_of(users)
    assert np.array_equal(folds[::7], fold_of(users[::7]))
    assert abs(folds.mean() - 0.5) < 0.03


def test_the_same_rows_give_the_same_effects() -> None:
    trial = _confounded(2_000, 4)
    first, second = (fit_effects(trial, 2).predict(trial.features) for _ in range(2))
    assert np.array_equal(first, second)


def test_propensities_of_zero_and_numbers_that_are_none_are_refused() -> None:
    trial = _confounded(50, 5)
    with pytest.raises(LogError, match="propensity must lie in"):
        Trial(trial.features, trial.arm, trial.outcome, np.zeros(50), trial.user_id)
    with pytest.raises(LogError, match="must be finite"):
        Trial(trial.features, trial.arm, trial.outcome * np.nan, trial.propensity, trial.user_id)
