from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from sklearn.ensemble import IsolationForest
from threadpoolctl import threadpool_limits

from agents.risk import cheapest, drivers, reliability
from agents.risk.calibration import Calibration, calibrate
from agents.risk.isolation import Isolation, isolate
from rage_env.errors import LogError


def test_the_isolation_score_is_that_of_scikit_learn_and_outliers_lead_it() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2_000, 4)).astype(np.float32)
    x[:5] += 7
    with threadpool_limits(limits=1):
        theirs = -IsolationForest(n_estimators=100, max_samples=64, random_state=3).fit(x).score_samples(x)
    mine = isolate(x, seed=3)
    assert np.allclose(mine.score(x), theirs, rtol=0, atol=1e-9)
    assert set(np.argsort(-mine.score(x))[:5].tolist()) == set(range(5))
    again = Isolation.of({f"p/{k}": v for k, v in mine.arrays().items()}, "p/")
    assert np.array_equal(again.score(x), mine.score(x))
    assert (isolate(x[:1]).score(x) == 0.5).all()


def test_a_threshold_worked_by_hand_weighs_misses_against_false_alarms() -> None:
    chance = np.array([0.9, 0.6, 0.6, 0.3, 0.1])
    event = np.array([True, False, True, False, False])
    dear, cheap = cheapest(chance, event, 10.0), cheapest(chance, event, 0.5)
    assert (dear.chance, dear.recall, dear.precision) == (0.6, 1.0, 2 / 3)
    assert np.isclose(dear.cost, 1 / 5)  # one false alarm
    assert np.isclose(dear.cost_of_none, 10 * 2 / 5)
    assert np.isclose(dear.cost_of_all, 3 / 5)
    assert (cheap.chance, cheap.recall) == (0.9, 0.5)  # half a false alarm for the one missed
    assert cheapest(chance, event, 10.0, least_precision=0.9).chance == 0.9


def test_a_threshold_on_true_chances_is_the_one_of_theory() -> None:
    rng = np.random.default_rng(1)
    chance = rng.beta(1, 6, size=200_000)
    event = rng.random(200_000) < chance
    for weight in (25.0, 250.0):
        found = cheapest(chance, event, weight)
        assert abs(found.chance - 1 / (1 + weight)) < 0.5 / (1 + weight)
        assert found.cost < min(found.cost_of_none, found.cost_of_all)
        half = chance >= 0.5  # a threshold deaf to what misses cost
        assert weight * (event & ~half).mean() + (half & ~event).mean() > 2 * found.cost


@pytest.mark.parametrize("method", ["isotonic", "platt"])
def test_calibration_mends_overconfident_scores_and_leaves_their_order(method: str) -> None:
    rng = np.random.default_rng(2)
    true = rng.normal(-2.0, 1.0, size=40_000)
    event = rng.random(40_000) < expit(true)
    boasting = 3.0 * true  # log odds three times too large
    half = np.arange(40_000) < 20_000
    mended = calibrate(boasting[half], event[half], "isotonic" if method == "isotonic" else "platt")
    # 10 bins: luck takes one of them beyond 5 standard errors once in 2e5; isotonic steps add a little of their own
    told = [b.z for b in reliability(mended(boasting[~half]), event[~half])]
    assert np.abs(told).max() < 5.5
    assert np.abs([b.z for b in reliability(expit(boasting[~half]), event[~half])]).max() > 10
    assert (np.diff(mended(np.sort(boasting))) >= 0).all()
    again = Calibration.of({f"c/{k}": v for k, v in mended.arrays().items()}, "c/")
    assert np.array_equal(again(boasting), mended(boasting))


def test_a_reliability_table_counts_every_row_once() -> None:
    chance = np.repeat([0.1, 0.5], [30, 10])
    table = reliability(chance, np.arange(40) % 10 == 0, bins=4)
    assert sum(b.rows for b in table) == 40
    assert [b.told for b in table] == pytest.approx([0.1, 0.5])
    assert table[0].stderr == pytest.approx(np.sqrt(0.1 * 0.9 / 30))


def test_the_driver_of_the_outcome_leads_and_noise_adds_nothing() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(4_000, 3)).astype(np.float32)
    event = rng.random(4_000) < expit(1.5 * x[:, 1])
    found = drivers(lambda rows: np.asarray(expit(1.5 * rows[:, 1].astype(np.float64))), x, event, ("a", "b", "c"))
    assert found[0].name == "b"
    assert found[0].loss > 10 * found[0].stderr
    assert [d.loss for d in found[1:]] == [0.0, 0.0]
    grouped = drivers(lambda rows: np.full(len(rows), 0.5), x, event, ("a", "b", "c"), groups={"all": ["a", "c"]})
    assert [d.name for d in grouped] == ["all"]
    with pytest.raises(LogError, match="no feature is called 'bb': did you mean"):
        drivers(lambda rows: np.full(len(rows), 0.5), x, event, ("a", "bbb", "c"), groups={"g": ["bb"]})


def test_thresholds_and_calibrations_without_events_are_refused() -> None:
    none = np.zeros(5, np.bool_)
    with pytest.raises(LogError, match="needs rows with the event"):
        cheapest(np.ones(5), none, 10.0)
    with pytest.raises(LogError, match="more than 0 false alarms, got -1"):
        cheapest(np.ones(5), ~none, -1.0)
    with pytest.raises(LogError, match="needs rows with the event and without"):
        calibrate(np.ones(5), none, "platt")
