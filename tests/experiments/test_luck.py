"""Arms are drawn as asked, with the same luck for every agent."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from experiments.luck import arms_one_by_one, draw_arms, held_out, propensity_of
from rage_env.interface import Observation

ROW = np.array([0.55, 0.3, 0.1, 0.05, 0.0], np.float32)
FAR = 5.0  # standard deviations; luck alone gets there in fewer than 1e-5 of five cells


def observation(n: int, k: int, week: int = 0) -> Observation:
    ids = np.arange(n, dtype=np.int64)
    everybody = np.ones(n, np.bool_)
    quo = np.eye(k, dtype=np.float32)[np.zeros(n, np.int64)]
    nothing = np.empty(0)
    mask = np.ones((n, k), np.int8)
    return Observation(
        week, ids, ids, np.zeros((n, 1), np.float32), mask, ~everybody, everybody, {}, quo, nothing, nothing
    )


def worst_cell(arms: NDArray[np.int64], row: NDArray[np.floating]) -> float:
    """Largest distance of a frequency from its probability, in standard deviations."""
    n, p = len(arms), row.astype(np.float64)
    counts = np.bincount(arms, minlength=len(p))
    sd = np.sqrt(np.maximum(n * p * (1 - p), 1e-12))
    return float(np.abs((counts - n * p) / sd).max())


@pytest.mark.parametrize("together", [False, True])
def test_arms_come_as_often_as_their_probabilities_say(together: bool) -> None:
    probs = np.tile(ROW, (40_000, 1))
    arms = np.concatenate([draw_arms(3, observation(40_000, 5, w), probs, together=together) for w in range(5)])
    assert worst_cell(arms, ROW) < FAR


@pytest.mark.parametrize("together", [False, True])
def test_a_draw_from_slightly_other_probabilities_would_be_noticed(together: bool) -> None:
    wrong = ROW * np.array([1.0, 1.0, 1.2, 0.6, 1.0], np.float32)
    probs = np.tile(wrong / wrong.sum(), (40_000, 1))
    arms = np.concatenate([draw_arms(3, observation(40_000, 5, w), probs, together=together) for w in range(5)])
    assert worst_cell(arms, ROW) > FAR


def test_one_user_gets_every_arm_as_often_as_asked_when_all_are_drawn_together() -> None:
    rng = np.random.default_rng(5)
    probs = rng.dirichlet([3.0, 1.0, 1.0], size=60).astype(np.float32)
    weeks = 4_000
    arms = np.stack([draw_arms(8, observation(60, 3, w), probs, together=True) for w in range(weeks)])
    for user in range(0, 60, 6):
        assert worst_cell(arms[:, user], probs[user]) < FAR
    assert max(worst_cell(arms[:, user], probs[user - 1]) for user in range(60)) > FAR


def test_a_capacity_of_contacts_holds_in_every_draw_and_not_only_on_average() -> None:
    rng = np.random.default_rng(0)
    share = rng.uniform(0, 0.6, 501)
    share *= 150 / share.sum()
    probs = np.stack([1 - share, share / 2, share / 2], axis=1).astype(np.float32)
    together, alone = (
        [int((draw_arms(s, observation(501, 3, s), probs, together=t) > 0).sum()) for s in range(200)]
        for t in (True, False)
    )
    assert max(together) <= 150
    assert min(together) >= 149
    assert max(alone) > 150  # the control: drawn one by one, the limit breaks


def test_two_agents_that_ask_alike_of_a_user_get_the_same_arm() -> None:
    n = 2_000
    mine, theirs = np.tile(ROW, (n, 1)), np.tile(ROW, (n, 1))
    theirs[: n // 2] = np.array([0.2, 0.2, 0.2, 0.2, 0.2], np.float32)
    first = draw_arms(4, observation(n, 5), mine, together=False)
    second = draw_arms(4, observation(n, 5), theirs, together=False)
    assert (first[n // 2 :] == second[n // 2 :]).all()
    assert (first[: n // 2] != second[: n // 2]).any()


def test_an_arm_of_probability_zero_is_never_drawn_at_the_very_ends_of_luck() -> None:
    probs = np.array([[0.0, 0.5, 0.0, 0.5, 0.0]] * 3, np.float32)
    arms = arms_one_by_one(probs, np.array([0.0, 0.5, 1 - 2.0**-53]))
    assert arms.tolist() == [1, 3, 3]


def test_the_propensity_is_read_from_the_row_that_was_drawn_from() -> None:
    probs = np.array([[0.25, 0.75], [0.9, 0.1]], np.float32)
    assert propensity_of(probs, np.array([1, 0])).tolist() == [0.75, np.float32(0.9)]


def test_who_is_held_out_is_a_fixed_fifth_that_depends_on_nobody_else() -> None:
    some, more = np.arange(20_000), np.arange(40_000)
    held = held_out(7, some, 0.2)
    assert (held == held_out(7, more, 0.2)[:20_000]).all()
    assert abs(held.mean() - 0.2) < 0.2 * 0.075  # five standard deviations
    assert (held_out(8, some, 0.2) != held).any()
