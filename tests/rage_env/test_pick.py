"""What only looks like a slower way of doing the same must do the same."""

from __future__ import annotations

import numpy as np

from rage_env.pick import pick
from rage_env.state import Lives


def test_a_pick_is_what_where_would_have_chosen_to_the_last_bit() -> None:
    rng = np.random.default_rng(3)
    odd = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-45], np.float32)
    yes = np.concatenate([odd, rng.standard_normal(1_000).astype(np.float32)])
    no = np.concatenate([odd[::-1], rng.standard_normal(1_000).astype(np.float32)])
    mask = rng.random(len(yes)) < 0.5
    assert pick(mask, yes, no).tobytes() == np.where(mask, yes, no).tobytes()
    assert pick(~mask, yes, no).tobytes() != np.where(mask, yes, no).tobytes()


def test_lives_that_are_views_of_what_they_replace_are_read_before_they_are_overwritten() -> None:
    held = Lives.at_joining(np.arange(4, dtype=np.float32), np.zeros(4, np.float32))
    held = held.with_columns({"now": np.arange(4.0), "before": np.zeros(4)})
    rows = slice(1, 3)
    part = held.rows(rows)
    held.put(rows, part.with_columns({"now": np.full(2, 9.0), "before": part.more["now"]}))
    assert held.more["now"].tolist() == [0, 9, 9, 3]
    assert held.more["before"].tolist() == [0, 1, 2, 0]
