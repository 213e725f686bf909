from __future__ import annotations

import numpy as np
import pytest

from agents.beliefs.trees import Growth
from agents.uplift import Effects, LearnerName, Trial, fit_effects
from agents.uplift.trial import halves

LEARNERS: tuple[LearnerName, ...] = ("t", "x", "dr")


def _randomised(rows: int, seed: int, share: float = 0.3) -> Trial:
    """Users whose outcome moves with feature 0 anyway; the effect of arm 1 is 1 + feature 1."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 3)).astype(np.float32)
    arm = (rng.random(rows) < share).astype(np.int64)
    outcome = 2.0 * x[:, 0] + arm * (1.0 + x[:, 1]) + rng.normal(size=rows)
    return Trial(x, arm, outcome, np.where(arm == 1, share, 1 - share), np.arange(rows))


@pytest.fixture(params=LEARNERS)
def learner(request: pytest.FixtureRequest) -> LearnerName:
    name: LearnerName = request.param
    return name


def test_every_learner_finds_the_effect_in_a_randomised_log(learner: LearnerName) -> None:
    trial = _randomised(8_000, 0)
    effects = fit_effects(trial, 2, learner=learner)
    assert abs(effects.average[0] - 1.0) < 4.0 * effects.stderr[0]
    assert effects.stderr[0] < 0.1
    assert np.corrcoef(effects.predict(trial.features)[:, 0], trial.features[:, 1])[0, 1] > 0.8
    naive_score = np.corrcoef(trial.features[:, 0], trial.features[:, 1])[0, 1]  # who does well anyway: no help
    assert abs(naive_score) < 0.1


def test_what_is_already_believed_is_left_out_by_every_learner(learner: LearnerName) -> None:
    trial = _randomised(6_000, 1)
    believed = (1.0 + trial.features[:, 1:2]).astype(np.float64)
    rest = fit_effects(trial, 2, learner=learner, offset=believed)
    assert abs(rest.average[0]) < 4.0 * rest.stderr[0]
    assert rest.predict(trial.features).std() < 0.45
    assert fit_effects(trial, 2, learner=learner).predict(trial.features).std() > 0.6


def test_an_arm_that_was_hardly_given_has_no_effect_and_no_bound(learner: LearnerName) -> None:
    effects = fit_effects(_randomised(3_000, 2), 3, learner=learner)
    assert np.isinf(effects.stderr[1])
    mean, low = effects.bounds(np.zeros((4, 3), np.float32), 1.28)
    assert (mean[:, 1] == 0).all()
    assert (low[:, 1] == -np.inf).all()


def test_saved_effects_predict_the_same_to_the_last_bit(learner: LearnerName) -> None:
    trial = _randomised(2_000, 3)
    effects = fit_effects(trial, 3, learner=learner)
    again = Effects.of({f"e/{k}": np.array(v, copy=True) for k, v in effects.arrays().items()}, "e/")
    assert np.array_equal(effects.predict(trial.features, 1.0), again.predict(trial.features, 1.0))


def test_a_lower_bound_is_rarely_above_the_true_effect_and_a_bound_without_margin_often_is() -> None:
    above, plain = [], []
    for seed in range(3):
        trial = _randomised(3_000, 10 + seed)
        mean, low = fit_effects(trial, 2, learner="t", pairs=3).bounds(trial.features, 1.28)
        truth = 1.0 + trial.features[:, 1]
        above.append((low[:, 0] > truth).mean())
        plain.append((mean[:, 0] > truth).mean())
    assert np.mean(above) < 0.25  # .10 where trees had no bias; edges of the features are smoothed
    assert np.mean(plain) > 0.4


def test_halves_are_complements_and_differ_from_pair_to_pair() -> None:
    split = halves(np.arange(5_000), 3)
    assert split.shape == (6, 5_000)
    assert (split[::2] ^ split[1::2]).all()
    assert abs((split[0] == split[2]).mean() - 0.5) < 0.03


def test_splits_anew_are_averaged_and_each_is_what_one_split_says() -> None:
    trial, apart = _randomised(3_000, 20), 7_919
    both = fit_effects(trial, 2, learner="dr", pairs=2)
    single = [fit_effects(trial, 2, learner="dr", seed=seed) for seed in (0, apart)]
    assert len(both.models[0]) == 4
    for name in ("centre", "average", "stderr", "slope"):
        assert getattr(both, name) == pytest.approx(np.mean([getattr(one, name) for one in single], axis=0))
    for mine, theirs in zip(both.models[0], [m for one in single for m in one.models[0]], strict=True):
        assert np.array_equal(mine.predict(trial.features), theirs.predict(trial.features))


def test_splits_anew_steady_a_lift_and_leave_its_bound_as_wide() -> None:
    """Which split users happened to fall into moves a lift less: two times six fits of one log are compared."""
    trial, growth = _randomised(1_500, 21), Growth(trees=10, leaves=6)
    apart, width = [], []
    for pairs in (1, 4):
        told = [fit_effects(trial, 2, learner="dr", growth=growth, seed=seed, pairs=pairs) for seed in range(6)]
        apart.append(np.array([one.predict(trial.features)[:, 0] for one in told]).std(axis=0).mean())
        width.append(np.mean([np.subtract(*one.bounds(trial.features, 1.28)).mean() for one in told]))
    assert apart[1] < 0.7 * apart[0]  # half where splits were independent
    assert width[1] > 0.8 * width[0]


def test_an_arm_too_rare_in_one_split_is_not_said_to_be_known_from_another() -> None:
    trial = _randomised(3_000, 22)
    arm = np.zeros(3_000, np.int64)
    arm[:42] = 1  # 21 a fold on average: fewer than 20 in some fold of nearly every second split
    rare = Trial(trial.features, arm, trial.outcome, np.where(arm == 1, 0.014, 0.986), trial.user_id)
    fitted = [bool(fit_effects(rare, 2, learner="dr", seed=7_919 * j).models[0]) for j in range(6)]
    assert len(set(fitted)) == 2, "choose users of whom some split leaves too few"
    effects = fit_effects(rare, 2, learner="dr", pairs=6)
    assert effects.models == ((),)
    assert np.isinf(effects.stderr[0])
