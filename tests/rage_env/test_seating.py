"""Accounts are packed the same way whoever asks, never cut, and empty where they do not fit."""

from __future__ import annotations

import numpy as np
import pytest

from rage_env.randomness import seed_key
from rage_env.seating import BLOCK, Seating, SizeClass, colleagues, seating
from rage_env.state import CHUNK

CLASSES = (
    SizeClass(name="small", share=0.7, fewest=1, most=4, churn_times=1.0),
    SizeClass(name="large", share=0.3, fewest=9, most=30, churn_times=0.5),
)
KEY = seed_key(5)


def whole(slots: int, key: int = KEY) -> Seating:
    return seating(key, np.arange(slots), CLASSES, slots)


def test_a_seat_belongs_to_the_same_account_whoever_else_is_asked_for() -> None:
    every = whole(5_000)
    some = np.random.default_rng(0).permutation(5_000)[:700]
    alone = seating(KEY, some, CLASSES, 5_000)
    for field in ("account", "place", "seats", "size_class", "occupied"):
        assert (getattr(alone, field) == getattr(every, field)[some]).all(), field
    assert (alone.luck.keys == every.luck.keys[some]).all()


def test_an_account_is_a_run_of_slots_inside_one_block() -> None:
    sat = whole(4 * BLOCK)
    assert CHUNK % BLOCK == 0
    for account in np.unique(sat.account[sat.occupied]):
        rows = np.flatnonzero((sat.account == account) & sat.occupied)
        assert rows[0] == account
        assert (np.diff(rows) == 1).all()
        assert len(rows) == sat.seats[account]
        assert rows[0] // BLOCK == rows[-1] // BLOCK
        assert (sat.place[rows] == np.arange(len(rows))).all()


def test_only_the_tail_of_a_block_stays_empty_and_less_than_the_largest_account() -> None:
    empty = ~whole(200 * BLOCK).occupied.reshape(-1, BLOCK)
    assert empty.any()
    assert (empty.sum(axis=1) < 30).all()
    assert (np.diff(empty.astype(np.int8), axis=1) >= 0).all()


def test_the_end_of_the_cohort_empties_the_account_it_cuts_and_no_other() -> None:
    every = whole(10 * BLOCK)
    for slots in range(1000, 1040):
        cut = whole(slots)
        lost = np.flatnonzero(every.occupied[:slots] & ~cut.occupied)
        assert (cut.occupied <= every.occupied[:slots]).all()
        straddles = bool(every.occupied[slots]) and every.account[slots] < slots
        assert (len(lost) > 0) == straddles
        assert set(every.account[lost]) <= {every.account[slots]}


def test_sizes_follow_their_classes_and_a_wrong_share_would_show() -> None:
    sat = whole(400 * BLOCK)
    first = sat.occupied & (sat.place == 0)
    share, n = float((sat.size_class[first] == 1).mean()), int(first.sum())
    assert sat.seats[first & (sat.size_class == 0)].max() == 4
    assert sat.seats[first & (sat.size_class == 1)].min() == 9
    # the account that does not fit is more often a large one: at most one in a block of about thirty accounts
    allowed = 5 * np.sqrt(0.3 * 0.7 / n) + 400 / n
    assert abs(share - 0.3) < allowed
    assert abs(share - 0.4) > allowed


def test_another_seed_seats_people_otherwise() -> None:
    assert (whole(2_000).account != whole(2_000, seed_key(6)).account).mean() > 0.5


@pytest.mark.parametrize("first", [0, 3 * BLOCK])
def test_sums_over_colleagues_stay_inside_the_account(first: int) -> None:
    account = first + np.array([0, 0, 2, 2, 2, 5])
    assert colleagues(account, np.array([1.0, 2, 3, 4, 5, 6])).tolist() == [3, 3, 12, 12, 12, 6]
    assert len(colleagues(account[:0], np.zeros(0))) == 0
