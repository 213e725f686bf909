"""Ranking people by effect: hand-worked curves, known areas, and rankings that must not look good."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from experiments.uplift_metrics import RESAMPLES, UpliftMetrics, rank, uplift_metrics
from rage_env.errors import InputError

Floats = NDArray[np.float64]
HALF = np.full(8, 0.5)


def test_a_curve_of_eight_people_is_the_one_worked_by_hand() -> None:
    score = np.array([4, 4, 3, 3, 2, 2, 1, 1.0])
    treated = np.array([1, 0] * 4, dtype=np.bool_)
    outcome = np.array([5, 1, 3, 2, 2, 2, 0, 1.0])  # effects by pair: 4, 1, 0, -1
    found = uplift_metrics(score, treated, outcome, HALF, at=(0.25, 0.5))
    assert dict(found.curve) == pytest.approx({0.0: 0.0, 0.25: 1.0, 0.5: 1.25, 0.75: 1.25, 1.0: 1.0})
    assert found.auuc.value == pytest.approx(0.25 * (0.5 + 1.0 + 1.25 + 1.25 / 2 + 1.0 / 2 + 0.125))
    assert found.qini.value == pytest.approx(found.auuc.value - 0.5)
    assert {k: v.value for k, v in found.uplift_at.items()} == pytest.approx({0.25: 4.0, 0.5: 2.5})
    assert {k: v.value for k, v in found.targeting.items()} == pytest.approx({0.25: 1.0, 0.5: 1.25})
    assert [b.observed.value for b in found.calibration] == pytest.approx([4, 1, 0, -1])
    assert [b.predicted for b in found.calibration] == pytest.approx([4, 3, 2, 1])


def test_people_of_equal_score_are_never_told_apart() -> None:
    treated = np.array([1, 0] * 4, dtype=np.bool_)
    outcome = np.array([5, 1, 3, 2, 2, 2, 0, 1.0])
    found = uplift_metrics(np.ones(8), treated, outcome, HALF)
    assert found.qini.value == 0.0
    assert found.curve == ((0.0, 0.0), (1.0, 1.0))


def trial(seed: int, n: int = 4_000, biased: bool = False) -> tuple[Floats, NDArray[np.bool_], Floats, Floats]:
    """Uniform x on (0, 1), effect x, so that by score x the Qini is 1/12 (gain s - s^2/2 less the line s/2)."""
    rng = np.random.default_rng(seed)
    x = rng.random(n)
    chance = 0.2 + 0.6 * x if biased else np.full(n, 0.5)
    treated = rng.random(n) < chance
    outcome = x * treated + x + 0.5 * rng.normal(size=n)
    return x, treated, outcome, np.where(treated, chance, 1 - chance)


def test_the_area_of_a_known_ranking_is_found_and_its_interval_is_honest() -> None:
    hits = sum(holds(uplift_metrics(*trial(s)), 1 / 12) for s in range(100))
    assert hits >= 84  # binomial: luck takes a true 95 % below 84 of 100 about once in 100,000


def holds(found: UpliftMetrics, truth: float) -> bool:
    return found.qini.lower <= truth <= found.qini.upper


def test_a_biased_log_is_put_right_by_its_propensities_and_not_without() -> None:
    x, treated, outcome, propensity = trial(5, n=40_000, biased=True)
    assert holds(uplift_metrics(x, treated, outcome, propensity), 1 / 12)
    assert not holds(uplift_metrics(x, treated, outcome, np.full(len(x), 0.5)), 1 / 12)


def test_a_ranking_by_chance_gains_nothing_and_a_reversed_one_loses() -> None:
    x, treated, outcome, propensity = trial(6, n=20_000)
    chance = uplift_metrics(np.random.default_rng(1).random(len(x)), treated, outcome, propensity)
    assert holds(chance, 0.0)
    assert uplift_metrics(-x, treated, outcome, propensity).qini.upper < 0


def test_copies_of_people_do_not_narrow_the_interval_when_they_are_one_cluster() -> None:
    x, treated, outcome, propensity = trial(7, n=1_000)
    row = np.tile(np.arange(1_000), 9)
    once = uplift_metrics(x, treated, outcome, propensity).qini
    honest = uplift_metrics(x[row], treated[row], outcome[row], propensity[row], clusters=row).qini
    fooled = uplift_metrics(x[row], treated[row], outcome[row], propensity[row]).qini
    assert (honest.upper - honest.lower) == pytest.approx(once.upper - once.lower, rel=0.3)
    assert (fooled.upper - fooled.lower) < 0.5 * (once.upper - once.lower)


def test_the_same_seed_gives_the_same_interval_and_resamples_are_as_many_as_said() -> None:
    data = trial(8, n=500)
    assert uplift_metrics(*data).qini == uplift_metrics(*data).qini
    assert len(rank(*data).sums) == 1 + RESAMPLES


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"score": np.r_[np.nan, np.ones(7)]}, "score, row 0: must be finite"),
        ({"propensity": np.r_[0.0, np.ones(7)]}, r"propensity, row 0: must lie in \(0, 1\]; got 0.0"),
        ({"treated": np.ones(8, dtype=np.bool_)}, "need rows of both the arm and control"),
        ({"outcome": np.ones(7)}, r"have lengths \[7, 8\]"),
    ],
)
def test_arrays_that_cannot_be_ranked_are_refused(change: dict[str, Floats], says: str) -> None:
    data = {"score": np.ones(8), "treated": np.arange(8) < 4, "outcome": np.ones(8), "propensity": HALF} | change
    with pytest.raises(InputError, match=says):
        uplift_metrics(data["score"], data["treated"].astype(np.bool_), data["outcome"], data["propensity"])
