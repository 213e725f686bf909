import dataclasses
import math

import numpy as np
import pytest
from numpy.typing import NDArray

from experiments.monitors import Batch, monitor
from experiments.monitors.off_policy import ends, value_evidence
from rage_env.errors import ConfigError, LogError

Floats = NDArray[np.float64]


def week_of(rng: np.random.Generator, week: int, effect: float = 0.0, n: int = 400, chance: float = 0.3) -> Batch:
    """An agent's draws between two arms; arm 1 earns `effect` more."""
    arm = (rng.random(n) < chance).astype(np.int64)
    value = rng.random(n) * (1 - effect) + effect * arm
    probs = np.tile([1 - chance, chance], (n, 1))
    logged, target = np.where(arm == 1, chance, 1 - chance), np.where(arm == 1, 0.8, 0.2)
    return Batch(week, np.arange(n), arm, value, propensity=logged, probs=probs, target=target)


def test_the_score_of_a_row_is_the_one_worked_by_hand() -> None:
    """Week 0 teaches q1 = 2 and q0 = 1; week 1 scores q1 - q0 + (5 - 2) / .5 and q1 - q0 - (3 - 1) / .5."""
    half = np.full(2, 0.5)
    made = monitor("arm_effect", weeks=2, users_per_skew2=0.0)
    made.update(Batch(0, np.array([1, 2]), np.array([1, 0]), np.array([2.0, 1.0]), propensity=half))
    state = made.update(Batch(1, np.array([1, 2]), np.array([1, 0]), np.array([5.0, 3.0]), propensity=half))
    assert state.estimate == pytest.approx(((1 + 3 / 0.5) + (1 - 2 / 0.5)) / 2)
    assert state.verdict == "refused"
    assert "2 users are worth" in state.reason


def test_a_better_arm_is_found_and_its_effect_lies_in_the_interval() -> None:
    rng, made = np.random.default_rng(0), monitor("arm_effect", weeks=12)
    for week in range(12):
        state = made.update(week_of(rng, week, 0.1))
    assert state.verdict == "lift"
    assert state.lower < 0.1 < state.upper
    assert made.states[0].reason == "the first week only teaches what to expect of each arm"


def test_a_value_lies_in_its_interval_at_every_look_and_a_forgetful_one_does_not() -> None:
    """60 logs of 12 weeks: the truth of the policy that draws arm 1 with .8 where the log had .3."""
    missed, forgot = 0, 0
    for seed in range(60):
        rng = np.random.default_rng([7, seed])
        made = monitor("off_policy", limit=0.5, most=1.0, largest_weight=0.8 / 0.3)
        wrong = monitor("off_policy", limit=0.5, most=1.0, largest_weight=1.0)
        for week in range(12):
            batch = week_of(rng, week, 0.2)
            made.update(batch)
            wrong.update(dataclasses.replace(batch, target=batch.propensity))
        truth = 0.8 * (0.5 * 0.8 + 0.2) + 0.2 * 0.4
        missed += any(not s.lower <= truth <= s.upper for s in made.states)
        forgot += any(not s.lower <= truth <= s.upper for s in wrong.states)
    assert missed <= 10  # at 5 % luck has more than 10 of 60 once in 6,000
    assert forgot > 50


def test_a_forecast_makes_the_interval_narrower_once_there_are_many_rows() -> None:
    rng, n = np.random.default_rng(1), 4_000
    forecast = 0.1 + 0.8 * np.arange(n) / (n - 1)
    widths = []
    for robust in (False, True):
        made = monitor("off_policy", limit=0.5, most=1.0, largest_weight=3.0, doubly_robust=robust)
        for week in range(12):
            batch = week_of(rng, week, n=n)
            value = forecast + 0.1 * rng.uniform(-1, 1, n)
            state = made.update(dataclasses.replace(batch, value=value, predicted=forecast, predicted_target=forecast))
        widths.append(state.upper - state.lower)
        assert state.lower <= 0.5 <= state.upper
    assert widths[1] < widths[0]


def test_the_lower_end_is_where_the_evidence_just_rejects() -> None:
    rows, total, squares = np.full(5, 100.0), np.full(5, 60.0), np.full(5, 45.0)
    low = ends(rows, total, squares, 0.05)
    assert 0 < low < 0.6
    assert float(value_evidence(rows, total, squares, low)[-1]) == pytest.approx(math.log(20), abs=1e-6)


def test_draws_that_are_not_those_logged_are_found() -> None:
    rng, honest, tampered = np.random.default_rng(2), monitor("arm_shares", arms=2), monitor("arm_shares", arms=2)
    for week in range(12):
        batch = week_of(rng, week)
        honest.update(batch)
        assert batch.probs is not None
        tampered.update(dataclasses.replace(batch, probs=np.tile([0.65, 0.35], (batch.n, 1))))
    assert honest.states[-1].verdict == "continue"
    assert tampered.states[-1].verdict == "harm"
    assert tampered.states[-1].estimate == pytest.approx(0.05, abs=0.02)
    assert "beyond its logged probability" in tampered.states[-1].reason


def test_draws_made_together_bet_once_a_week() -> None:
    rng = np.random.default_rng(3)
    made = monitor("arm_shares", arms=2, drawn_together=True)
    for week in range(12):
        same = np.full(400, int(rng.random() < 0.3), np.int64)  # one draw for all: marginals are right
        made.update(dataclasses.replace(week_of(rng, week), group=same))
    assert made.states[-1].verdict == "continue"


def test_logs_that_cannot_be_weighed_are_refused_by_unit_and_row() -> None:
    rng = np.random.default_rng(4)
    good = week_of(rng, 0, n=4)
    bare = dataclasses.replace(good, propensity=None, probs=None)
    for made in (monitor("arm_effect", weeks=4), monitor("off_policy", limit=0.5, most=1.0, largest_weight=9.0)):
        with pytest.raises(LogError, match="batch of week 0: propensity is missing"):
            made.update(bare)
    with pytest.raises(LogError, match="probs is missing; arms drawn are compared"):
        monitor("arm_shares", arms=2).update(bare)
    with pytest.raises(LogError, match="logs 2 arms; declared are 3"):
        monitor("arm_shares", arms=3).update(good)
    with pytest.raises(LogError, match=r"row \d \(unit \d\): propensity gives a weight .* above the declared bound"):
        monitor("off_policy", limit=0.5, most=1.0, largest_weight=1.1).update(good)
    high = dataclasses.replace(good, value=np.full(4, 0.5))
    with pytest.raises(LogError, match=r"row 0 \(unit 0\): value must lie in the declared bounds \[0, 0.4\]"):
        monitor("off_policy", limit=0.3, most=0.4, largest_weight=9.0).update(high)
    with pytest.raises(LogError, match="predicted is missing; a doubly robust value"):
        monitor("off_policy", limit=0.5, most=1.0, largest_weight=9.0, doubly_robust=True).update(good)
    with pytest.raises(LogError, match=r"row 1 \(unit 1\): probs must be >= 0 and sum to 1"):
        dataclasses.replace(good, probs=np.array([[0.5, 0.5], [0.7, 0.7], [0.5, 0.5], [0.5, 0.5]]))
    with pytest.raises(LogError, match=r"row 2 \(unit 2\): target must lie in \[0, 1\]; got 1.5"):
        dataclasses.replace(good, target=np.array([0.5, 0.5, 1.5, 0.5]))
    with pytest.raises(LogError, match=r"row 3 \(unit 3\): value must be finite; got nan"):
        dataclasses.replace(good, value=np.array([0.0, 0.0, 0.0, math.nan]))
    never = dataclasses.replace(good, group=np.zeros(4, np.int64), probs=np.tile([1.0, 0.0], (4, 1)))
    with pytest.raises(LogError, match=r"row 0 \(unit 0\): probs must leave both arms possible"):
        monitor("arm_effect", weeks=4).update(never)
    with pytest.raises(ConfigError, match="largest_weight: must be a finite number of at least 1"):
        monitor("off_policy", limit=0.5, most=1.0, largest_weight=0.5)
