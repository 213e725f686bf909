"""Drawing arms: marginals by drawing often, head-counts by their floor and ceiling, and a draw that must fail both."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from agents.allocation import Linear, allocate, systematic_draw
from rage_env.errors import DecisionError

Draw = Callable[[NDArray[np.floating], np.random.Generator], NDArray[np.int64]]
_DRAWS = 20_000
_SIGMAS = 6.0  # over 60 cells of either sign luck fails once in 8 million


def along_the_comb(probs: NDArray[np.floating], rng: np.random.Generator) -> NDArray[np.int64]:
    return systematic_draw(probs, rng.random(len(probs)), rng.random(len(probs)), rng.random())


def each_alone(probs: NDArray[np.floating], rng: np.random.Generator) -> NDArray[np.int64]:
    """Known wrong for head-counts: everybody draws independently."""
    return np.asarray((rng.random((len(probs), 1)) >= np.cumsum(probs, axis=1)[:, :-1]).sum(axis=1))


def the_likeliest(probs: NDArray[np.floating], rng: np.random.Generator) -> NDArray[np.int64]:
    """Known wrong for marginals: no randomness at all."""
    return np.asarray(probs.argmax(axis=1))


def mixed(seed: int, n: int = 12, k: int = 5) -> NDArray[np.float32]:
    """Probabilities with certain, impossible and fractional arms."""
    rng = np.random.default_rng(seed)
    probs = rng.dirichlet(np.full(k, 0.4), size=n)
    probs[0], probs[1] = np.eye(k)[0], np.eye(k)[3]
    probs[2, 1:3] = 0
    return np.asarray(probs / probs.sum(axis=1, keepdims=True), dtype=np.float32)


def marginals_hold(draw: Draw, probs: NDArray[np.floating], draws: int) -> bool:
    rng = np.random.default_rng(11)
    counts = np.zeros(probs.shape)
    for _ in range(draws):
        counts[np.arange(len(probs)), draw(probs, rng)] += 1
    sd = np.sqrt(draws * probs * (1 - probs)) + 1e-9
    return bool((np.abs(counts - draws * probs) <= _SIGMAS * sd + 1e-2).all())


def head_counts_hold(draw: Draw, probs: NDArray[np.floating]) -> bool:
    rng = np.random.default_rng(12)
    expected = float(probs[:, 1:].sum(dtype=np.float64))
    totals = {int((draw(probs, rng) > 0).sum()) for _ in range(200)}
    return totals <= {int(np.floor(expected)), int(np.ceil(expected))}


@pytest.mark.parametrize("draws", [4_000, pytest.param(_DRAWS, marks=pytest.mark.slow)])
def test_every_arm_is_drawn_as_often_as_its_probability_says(draws: int) -> None:
    probs = mixed(1)
    assert marginals_hold(along_the_comb, probs, draws)
    assert marginals_hold(each_alone, probs, draws)
    assert not marginals_hold(the_likeliest, probs, draws)


def test_contacts_never_leave_the_floor_and_ceiling_of_their_expectation() -> None:
    probs = mixed(2, n=300)
    assert head_counts_hold(along_the_comb, probs)
    assert not head_counts_hold(each_alone, probs)


def test_one_start_is_enough_for_exact_contacts_whatever_the_order() -> None:
    probs, order = mixed(3), np.random.default_rng(3).random(12)
    starts = (np.arange(4_000) + 0.5) / 4_000
    arms = np.stack([systematic_draw(probs, order, order, s) for s in starts])
    assert np.abs((arms == 0).mean(axis=0) - probs[:, 0]).max() <= 1 / 4_000 + 1e-6


def by_the_place_of_the_tooth(probs: NDArray[np.floating], rng: np.random.Generator) -> NDArray[np.int64]:
    """Known wrong for spread: the comb's tooth decides the arm too, so that like users share their luck."""
    p = probs[rng.permutation(len(probs))].astype(np.float64)
    ends, start = np.cumsum(p[:, 1:].sum(axis=1)), rng.random()
    teeth = np.ceil(ends - start)
    hit = np.diff(teeth, prepend=0) > 0
    place = start + teeth - 1 - (ends - p[:, 1:].sum(axis=1))
    return np.where(hit, 1 + (place[:, None] >= np.cumsum(p[:, 1:-1], axis=1)).sum(axis=1), 0)


def arm_counts_spread_no_more_than_independent_draws(draw: Draw) -> bool:
    probs, rng = np.tile([0.9, 0.02, 0.02, 0.02, 0.02, 0.02], (1_000, 1)), np.random.default_rng(13)
    counts = np.array([(draw(probs, rng) == 1).sum() for _ in range(400)])
    return bool(counts.var() < 1.4 * 1_000 * 0.02 * 0.98)  # 5.6 standard errors of a variance from 400 draws


def test_users_with_like_probabilities_do_not_share_their_luck() -> None:
    assert arm_counts_spread_no_more_than_independent_draws(along_the_comb)
    assert arm_counts_spread_no_more_than_independent_draws(each_alone)
    assert not arm_counts_spread_no_more_than_independent_draws(by_the_place_of_the_tooth)


@given(seed=st.integers(0, 10_000), start=st.floats(0, 1, exclude_max=True))
def test_nested_groups_keep_their_own_head_counts(seed: int, start: float) -> None:
    rng = np.random.default_rng(seed)
    probs, region = mixed(seed, n=60), rng.integers(0, 3, size=60)
    branch = 10 * region + rng.integers(0, 3, size=60)
    arms = systematic_draw(probs, rng.random(60), rng.random(60), start, nest=(region, branch))
    for codes in (np.zeros(60, int), region, branch):
        for code in np.unique(codes):
            expected = probs[codes == code, 1:].sum(dtype=np.float64)
            drawn = int((arms[codes == code] > 0).sum())
            assert np.floor(expected + 1e-9) <= drawn <= np.ceil(expected - 1e-9)
    assert (probs[np.arange(60), arms] > 0).all()


@pytest.mark.parametrize("seed", range(5))
def test_a_capacity_kept_in_expectation_is_kept_in_every_draw(seed: int) -> None:
    rng = np.random.default_rng(seed)
    value = rng.normal(size=(500, 4))
    calls = Linear("calls", np.tile([0.0, 1.0, 1.0, 1.0], (500, 1)), 120)
    loss = Linear("loss", rng.random((500, 4)) * [0, 1, 1, 1], 40.0)
    answer = allocate(value, [calls, loss], floor=np.where(np.arange(500) % 5 == 0, 0.01, 0.0))
    assert answer.status == "optimal"
    for _ in range(100):
        assert (along_the_comb(answer.probs, rng) > 0).sum() <= 120


def test_float32_dust_on_a_whole_total_does_not_cost_an_extra_contact() -> None:
    probs = np.tile(np.array([0.9, 0.1], dtype=np.float32), (1_000, 1))
    assert probs[:, 1].sum(dtype=np.float64) > 100
    order = np.random.default_rng(0).random(1_000)
    for start in (0.0, 1e-9, 0.5, 1 - 1e-9):
        assert (systematic_draw(probs, order, order, start) > 0).sum() == 100


def test_a_unit_takes_one_arm_together() -> None:
    probs, rng = mixed(4, n=40), np.random.default_rng(4)
    unit = np.repeat(np.arange(40), 3)
    wide = probs[unit]
    wide[1::3] = np.eye(5, dtype=np.float32)[0]  # the second user of each unit has left
    for _ in range(50):
        arms = systematic_draw(wide, rng.random(120), rng.random(120), rng.random(), unit=unit).reshape(40, 3)
        assert (arms[:, 0] == arms[:, 2]).all()
        assert (arms[:, 1] == 0).all()
    with pytest.raises(DecisionError, match="unit 0: user 1 has other probabilities than its unit"):
        systematic_draw(mixed(5)[2:5], rng.random(3), rng.random(3), 0.5, unit=np.zeros(3, np.int64))


def test_bad_probabilities_are_named_by_user() -> None:
    good = np.array([[0.5, 0.5], [1.0, 0.0]])
    with pytest.raises(DecisionError, match="probabilities of user 1"):
        systematic_draw(np.array([[0.5, 0.5], [0.9, 0.0]]), np.zeros(2), np.zeros(2), 0.5)
    with pytest.raises(DecisionError, match="probabilities of user 0"):
        systematic_draw(np.array([[np.nan, 0.5], [1.0, 0.0]]), np.zeros(2), np.zeros(2), 0.5)
    with pytest.raises(DecisionError, match="start must lie"):
        systematic_draw(good, np.zeros(2), np.zeros(2), 1.0)
    with pytest.raises(DecisionError, match="order_uniforms"):
        systematic_draw(good, np.zeros(3), np.zeros(2), 0.5)


def test_a_single_arm_and_an_empty_cohort_draw_nothing() -> None:
    assert systematic_draw(np.ones((3, 1)), np.zeros(3), np.zeros(3), 0.2).tolist() == [0, 0, 0]
    assert systematic_draw(np.ones((0, 2)), np.zeros(0), np.zeros(0), 0.2).shape == (0,)
